/**
 * A bundle: the part of a repository that one release needs, as one file for a stick or scp. It is a tar archive (POSIX.1-1988
 * ustar), so anybody can look into it. Nothing of it is trusted before its metadata is verified, so reading is strict and bounded.
 */
import { Refusal } from './refusal.ts';
import type { UpdateSource } from './update-source.ts';

const blockOctets = 512;
/** Metadata, all roots, and two files of a release. */
const mostEntries = 1024;
const pieceOctets = 256 * 1024;

/** Octets of a file at any place; fewer than asked for at its end. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

/** What stands before a file's octets in an archive. */
export function tarHeader(path: string, length: number, utcMs: number): Uint8Array {
  const header = new Uint8Array(blockOctets);
  const put = (text: string, at: number): void => header.set(new TextEncoder().encode(text), at);
  const cut = path.length <= 100 ? -1 : path.lastIndexOf('/');
  if (cut > 155 || path.length - cut - 1 > 100) throw new RangeError(`${path} is too long for an archive`);
  put(path.slice(cut + 1), 0);
  put('0000644\0', 100);
  put('0000000\0', 108);
  put('0000000\0', 116);
  put(`${octal(length, 11)}\0`, 124);
  put(`${octal(Math.trunc(utcMs / 1000), 11)}\0`, 136);
  put('        ', 148);
  put('0', 156);
  put('ustar\x0000', 257);
  if (cut > 0) put(path.slice(0, cut), 345);
  put(`${octal(checksumOf(header), 6)}\0 `, 148);
  return header;
}

/** Octets of zeros that follow a file in an archive. */
export function tarPadding(length: number): Uint8Array {
  return new Uint8Array((blockOctets - (length % blockOctets)) % blockOctets);
}

/** The end of an archive. */
export const tarEnd = new Uint8Array(2 * blockOctets);

interface Entry {
  readonly offset: number;
  readonly length: number;
}

/**
 * A bundle as a source of an upgrade.
 *
 * @throws Refusal BUNDLE_INVALID for what is no bundle, or one that is cut short
 */
export function bundleSource(
  name: string,
  bundle: { readonly length: number; readonly read: ReadAt; readonly close: () => void },
): UpdateSource {
  const entries = entriesOf(name, bundle.length, bundle.read);
  const { read, close } = bundle;
  return {
    name,
    async file(path, longest) {
      const entry = entries.get(path);
      if (entry === undefined) return undefined;
      if (entry.length > longest) {
        throw new Refusal(
          'TOO_LONG',
          `${name}: ${path} has ${entry.length} octets; expected at most ${longest}`,
        );
      }
      return read(entry.offset, entry.length);
    },
    async *octets(path, offset) {
      const entry = entries.get(path);
      if (entry === undefined) throw new Refusal('BUNDLE_INVALID', `${name} has no ${path}`);
      for (let at = offset; at < entry.length; at += pieceOctets) {
        yield read(entry.offset + at, Math.min(pieceOctets, entry.length - at));
      }
    },
    close,
  };
}

function entriesOf(name: string, length: number, read: ReadAt): ReadonlyMap<string, Entry> {
  const refuse = (why: string): Refusal =>
    new Refusal('BUNDLE_INVALID', `${name}: ${why}; expected a file of \`sekisho release bundle\``);
  const entries = new Map<string, Entry>();
  for (let at = 0; ; ) {
    const header = read(at, blockOctets);
    if (header.length < blockOctets) throw refuse('the archive is cut short');
    if (header.every((octet) => octet === 0)) return entries;
    const { path, size } = headerOf(header) ?? {};
    if (path === undefined || size === undefined) throw refuse(`there is no file at octet ${at}`);
    if (at + blockOctets + size > length) throw refuse(`${path} is cut short`);
    if (entries.size === mostEntries || entries.has(path)) throw refuse(`${path} is one file too many`);
    entries.set(path, { offset: at + blockOctets, length: size });
    at += blockOctets + size + tarPadding(size).length;
  }
}

function headerOf(header: Uint8Array): { readonly path: string; readonly size: number } | undefined {
  const text = (at: number, length: number): string => {
    const field = Buffer.from(header.buffer, header.byteOffset + at, length).toString('latin1');
    return field.slice(0, field.indexOf('\0') < 0 ? length : field.indexOf('\0'));
  };
  const sum = checksumOf(header.map((octet, at) => (at >= 148 && at < 156 ? 0x20 : octet)));
  const [size, isFile] = [text(124, 12), /^[0\0]?$/.test(text(156, 1))];
  if (text(257, 5) !== 'ustar' || !isFile || !/^[0-7]{11} ?$/.test(size)) return undefined;
  if (Number.parseInt(text(148, 8), 8) !== sum) return undefined;
  const prefix = text(345, 155);
  return { path: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`, size: Number.parseInt(size, 8) };
}

function checksumOf(header: Uint8Array): number {
  return header.reduce((sum, octet) => sum + octet, 0);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
