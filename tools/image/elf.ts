/**
 * Programs and libraries of 64-bit little-endian ELF, whatever their processor: which libraries one names, and how much of it
 * the kernel and the dynamic linker read. Everything behind that (symbols, debug information) is for others.
 */
import { HostError } from '../../host/model/host-error.ts';

/** elf(5): e_ident, and the fields of Elf64_Ehdr, Elf64_Phdr and Elf64_Dyn. */
const magic = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
const header = {
  programHeaders: 32,
  sectionHeaders: 40,
  programHeaderCount: 56,
  sectionCount: 60,
  sectionNames: 62,
  length: 64,
};
const programHeaderOctets = 56;
const programHeader = { type: 0, offset: 8, address: 16, fileOctets: 32 };
const segment = { load: 1, dynamic: 2, interpreter: 3 };
const dynamicOctets = 16;
const tag = { end: 0n, needed: 1n, stringTable: 5n };

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly octets: number;
}

export function isElf(content: Uint8Array): boolean {
  return content.length >= header.length && magic.equals(content.subarray(0, magic.length));
}

/** Path of the dynamic linker that a program names (PT_INTERP); a library, and a program without libraries, names none. */
export function interpreterOf(content: Buffer): string | undefined {
  const interpreter = segmentsOf(content).find(({ type }) => type === segment.interpreter);
  return interpreter && textAt(content, interpreter.offset);
}

/** File names of the libraries that `content` names. */
export function namedLibraries(content: Buffer): string[] {
  const segments = segmentsOf(content);
  const names: string[] = [];
  const dynamic = segments.find(({ type }) => type === segment.dynamic);
  if (dynamic === undefined) return names;
  const entries = dynamicEntries(content, dynamic);
  const strings = entries.find(([kind]) => kind === tag.stringTable);
  if (strings === undefined) return names;
  const table = offsetOf(segments, Number(strings[1]));
  for (const [kind, value] of entries)
    if (kind === tag.needed) names.push(textAt(content, table + Number(value)));
  return names;
}

/** Without what is behind the last loaded segment. The same for each processor, so no foreign binutils are needed. */
export function stripped(content: Buffer): Buffer {
  const end = Math.max(...segmentsOf(content).map(({ offset, octets }) => offset + octets));
  const kept = Buffer.from(content.subarray(0, end));
  kept.writeBigUInt64LE(0n, header.sectionHeaders);
  kept.writeUInt16LE(0, header.sectionCount);
  kept.writeUInt16LE(0, header.sectionNames);
  return kept;
}

function segmentsOf(content: Buffer): Segment[] {
  if (!isElf(content)) throw new HostError('PLATFORM', 'expected a 64-bit little-endian ELF file');
  const start = Number(content.readBigUInt64LE(header.programHeaders));
  return Array.from({ length: content.readUInt16LE(header.programHeaderCount) }, (_, index) => {
    const at = start + index * programHeaderOctets;
    return {
      type: content.readUInt32LE(at + programHeader.type),
      offset: Number(content.readBigUInt64LE(at + programHeader.offset)),
      address: Number(content.readBigUInt64LE(at + programHeader.address)),
      octets: Number(content.readBigUInt64LE(at + programHeader.fileOctets)),
    };
  });
}

function dynamicEntries(content: Buffer, { offset, octets }: Segment): [bigint, bigint][] {
  const entries: [bigint, bigint][] = [];
  for (let at = offset; at + dynamicOctets <= offset + octets; at += dynamicOctets) {
    const kind = content.readBigUInt64LE(at);
    if (kind === tag.end) break;
    entries.push([kind, content.readBigUInt64LE(at + 8)]);
  }
  return entries;
}

/** Where in the file an address of memory is. */
function offsetOf(segments: readonly Segment[], address: number): number {
  const found = segments.find(
    (one) => one.type === segment.load && address >= one.address && address < one.address + one.octets,
  );
  if (found === undefined) throw new HostError('PLATFORM', 'ELF: an address outside of every segment');
  return found.offset + address - found.address;
}

function textAt(content: Buffer, start: number): string {
  return content.toString('latin1', start, content.indexOf(0, start));
}
