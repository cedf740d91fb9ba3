/**
 * Reads NIST's CAVP response files, and other files written in their form: `name = value` lines, a blank line after each
 * case, `[name = value]` for what the next cases share, a lone word for a flag. No interpretation of the values.
 */
import { octetsOfHex, VectorFileError } from './vector-case.ts';

/** What one case and the sections around it say; flags have the value ''. */
export class ResponseCase {
  readonly #values: ReadonlyMap<string, string>;
  readonly #file: string;
  /** Line of the file on which the case begins. */
  readonly line: number;
  /** What the sections around it say, as written. */
  readonly section: string;

  constructor(values: ReadonlyMap<string, string>, file: string, line: number, section: string) {
    this.#values = values;
    this.#file = file;
    this.line = line;
    this.section = section;
  }

  /** Names in upper case. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** The value of `name`; throws VectorFileError when the case has none, so that a misread file fails. */
  required(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw this.#error(name, 'a value', 'none');
    return value;
  }

  octets(name: string): Uint8Array {
    const value = this.required(name);
    const octets = octetsOfHex(value);
    if (octets === undefined) throw this.#error(name, 'pairs of hexadecimal digits', JSON.stringify(value));
    return octets;
  }

  number(name: string): number {
    const value = this.required(name);
    if (!/^\d{1,9}$/.test(value)) throw this.#error(name, 'a number', JSON.stringify(value));
    return Number(value);
  }

  #error(name: string, expected: string, found: string): VectorFileError {
    return new VectorFileError(this.#file, `case at line ${this.line}: ${name}`, expected, found);
  }
}

interface Paragraph {
  readonly line: number;
  readonly values: Map<string, string>;
  readonly sections: readonly string[];
}

/**
 * The cases of a file. In a file that counts them (`COUNT = 0`), a paragraph without a count holds for those that follow.
 *
 * @throws VectorFileError
 */
export function responseCases(file: string, text: string): ResponseCase[] {
  const paragraphs = paragraphsOf(file, text);
  const counted = paragraphs.some(({ values }) => values.has('COUNT'));
  const cases: ResponseCase[] = [];
  let shared = new Map<string, string>();
  for (const { line, values, sections } of paragraphs) {
    if (counted && !values.has('COUNT')) {
      shared = new Map([...shared, ...values]);
      continue;
    }
    const ofSections = sections.flatMap((section) => section.split(',').map((part) => pair(part)));
    cases.push(
      new ResponseCase(new Map([...ofSections, ...shared, ...values]), file, line, sections.join(', ')),
    );
  }
  return cases;
}

function paragraphsOf(file: string, text: string): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  let sections: string[] = [];
  let values = new Map<string, string>();
  let begins = 0;
  /** Sections come in runs; the first of a run ends the one before. */
  let runEnded = false;
  const end = (): void => {
    if (values.size > 0) paragraphs.push({ line: begins, values, sections: [...sections] });
    values = new Map();
  };
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    const section = /^\[(.*)\]$/.exec(line)?.[1];
    if (line.startsWith('#')) continue;
    if (line === '') {
      end();
    } else if (section !== undefined) {
      end();
      if (runEnded) sections = [];
      runEnded = false;
      sections.push(section);
    } else {
      const [name, value] = pair(line);
      if (!/^[A-Z][\w -]*$/.test(name)) {
        const expected = 'name = value, [section], a flag or a comment';
        throw new VectorFileError(file, `line ${index + 1}`, expected, JSON.stringify(line.slice(0, 80)));
      }
      if (values.size === 0) begins = index + 1;
      runEnded = true;
      values.set(name, value);
    }
  }
  end();
  return paragraphs;
}

function pair(line: string): [name: string, value: string] {
  const at = line.indexOf('=');
  if (at < 0) return [line.trim().toUpperCase(), ''];
  return [line.slice(0, at).trim().toUpperCase(), line.slice(at + 1).trim()];
}
