/**
 * Reads a settings file that a person typed: YAML by `yaml`, shape by a zod schema. Everything that is wrong is listed at
 * once, each with file, line, column and field; nothing of a file with a mistake is used.
 */
import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
} from 'yaml';
import type { z } from 'zod';
import { HostError } from './host-error.ts';

/** Larger files are refused before they are parsed: a settings file is typed by people. */
const maximumOctets = 4 * 1024 * 1024;

/**
 * Parses `text` and checks it against `schema`. `fileName` is for the messages only.
 *
 * @throws HostError CONFIG_INVALID with one `file:line:column: field: what was expected` a line
 */
export function parseYamlSettings<Schema extends z.ZodType>(
  text: string,
  fileName: string,
  schema: Schema,
): z.output<Schema> {
  if (Buffer.byteLength(text) > maximumOctets) {
    throw new HostError('CONFIG_INVALID', `${fileName}: larger than ${maximumOctets} octets`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${fileName}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  if (document.errors.length > 0) {
    throw new HostError(
      'CONFIG_INVALID',
      document.errors.map(({ pos, message }) => `${at(pos[0])}: ${withoutText(message)}`).join('\n'),
    );
  }
  let value: unknown;
  try {
    // Aliases could make a small file large; nobody needs them here.
    value = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new HostError('CONFIG_INVALID', `${fileName}: aliases (*name) are not used in this file`, {
      cause,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues.flatMap((issue) => describeIssue(document, issue));
  found.sort((a, b) => a.offset - b.offset);
  throw new HostError(
    'CONFIG_INVALID',
    found.map(({ offset, field, message }) => `${at(offset)}: ${field}: ${message}`).join('\n'),
  );
}

/** Fields whose value is never shown; `credential` may be a key that somebody typed in the wrong place. */
const secretFields: ReadonlySet<string> = new Set(['credential', 'preSharedKey', 'privateKey']);

/** A message of `yaml` without what it quotes of the file: that may be a secret. */
function withoutText(message: string): string {
  return message.replace(/(?<=[\w)]): .*$/s, '').replace(/(?<=^Invalid escape sequence) .*$/s, '');
}

interface Found {
  readonly offset: number;
  readonly field: string;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

function describeIssue(document: Document, issue: Issue): Found[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      offset: offsetOfKey(document, issue.path, key),
      field: fieldName([...issue.path, key]),
      message: 'no such field here',
    }));
  }
  return [
    {
      offset: offsetOf(document, issue.path),
      field: fieldName(issue.path),
      message: messageOf(document, issue),
    },
  ];
}

function messageOf(document: Document, issue: Issue): string {
  const isMissing = !document.hasIn(issue.path) && issue.path.length > 0;
  if (isMissing && issue.code !== 'custom') return `missing; ${lowerFirst(issue.message)}`;
  const found = document.getIn(issue.path);
  const isSecret = secretFields.has(String(issue.path.at(-1)));
  const isPlain = !isSecret && (found === null || ['string', 'number', 'boolean'].includes(typeof found));
  if (!isPlain || issue.code === 'custom' || issue.message.includes(', found '))
    return lowerFirst(issue.message);
  return `${lowerFirst(issue.message)}, found ${JSON.stringify(found)}`;
}

function lowerFirst(message: string): string {
  return message
    .replace(/^(Invalid input|Too small|Too big|Invalid string): /, '')
    .replace(/^Invalid option: /, '')
    .replace(/, received \w+$/, '')
    .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}

/** `spd[2].selector.remote` */
function fieldName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

/** Where the value at `path` stands, or the nearest that is there of what encloses it. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range != null) {
      const isWhole = length === path.length;
      const key = path[length - 1];
      // A map or list is best found by the key that it belongs to.
      return isWhole && isCollection(node) && typeof key === 'string'
        ? offsetOfKey(document, path.slice(0, length - 1), key)
        : node.range[0];
    }
  }
  return document.contents?.range?.[0] ?? 0;
}

function offsetOfKey(document: Document, path: readonly PropertyKey[], key: string): number {
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (isMap(node)) {
    for (const item of node.items) {
      if (isPair(item) && isScalar(item.key) && item.key.value === key && item.key.range != null) {
        return item.key.range[0];
      }
    }
  }
  return offsetOf(document, path);
}
