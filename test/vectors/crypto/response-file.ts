/**
 * Reads NIST's CAVP response files: `name = value` lines, a blank line after each case, `[name = value]` for what the next
 * cases share, `[NAME]` or a lone word for a flag. No interpretation of the values.
 */
import { readFileSync } from 'node:fs';

/** What one case and the sections around it say; flags have the value ''. Names in upper case. */
export type ResponseCase = ReadonlyMap<string, string>;

export function responseCases(file: string): ResponseCase[] {
  const cases: ResponseCase[] = [];
  let shared = new Map<string, string>();
  let own = new Map<string, string>();
  let sharedEnded = false;
  for (const line of [...readFileSync(file, 'latin1').split(/\r?\n/), '']) {
    const section = /^\[(.*)\]$/.exec(line)?.[1];
    if (line.startsWith('#')) continue;
    if (section !== undefined) {
      // Sections come in runs; the first of a run ends the one before.
      if (sharedEnded) shared = new Map();
      sharedEnded = false;
      put(shared, section);
    } else if (line !== '') {
      sharedEnded = true;
      put(own, line);
    } else if (own.size > 0) {
      cases.push(new Map([...shared, ...own]));
      own = new Map();
    }
  }
  return cases;
}

function put(into: Map<string, string>, line: string): void {
  const [name = '', value = ''] = line.split('=').map((part) => part.trim());
  into.set(name.toUpperCase(), value);
}

/** The value of `name`; throws when the case has none, so that a misread file fails. */
export function required(responseCase: ResponseCase, name: string): string {
  const value = responseCase.get(name);
  if (value === undefined) throw new Error(`no ${name} in this case`);
  return value;
}
