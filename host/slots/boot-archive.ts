/**
 * The partition `boot`: a tar archive, because GRUB writes only into files, of a form that nobody has to mount. Each file's
 * content has a place of 4096 octets to itself, the physical sector of what is sold today; and headers are in others, which are never
 * written again. So a write that is cut off damages the file that it was for, and nothing else.
 *
 * ```
 *  │ header room-0 │ zeros │ header choice-1 │ choice-1           │ header room-1 │ zeros │ header choice-2 │ choice-2 …
 *  │◄──────────────── 4096 ─────────────────►│◄───── 4096 ───────►│
 * ```
 */
import { type BootChoice, encodeChoice, generationText } from './boot-choice.ts';
import { encodeEnvironment } from './environment-block.ts';

/** Octets of a file, and of what is between two of them. */
export const placeOctets = 4096;
const headerOctets = 512;

/** Starts that are counted, by what is started: a slot on trial, the active one, the other one when that does not come up. */
export const countedStarts = ['trial', 'active', 'other'] as const;
export type CountedStart = (typeof countedStarts)[number];
/** Starts that a slot has before another one's turn comes. */
export const startsEach = 3;

/** The running system writes these, the first one first. */
export const choiceFiles = ['choice-1', 'choice-2'] as const;
/** The boot loader writes one of these each start, and nothing else. */
export const markFiles = countedStarts.flatMap((kind) => marksOf(kind));
/** Whose turn it was last, when neither slot comes up: the boot loader's too. */
export const turnFile = 'turn';

export const bootFiles: readonly string[] = [...choiceFiles, ...markFiles, turnFile];

export function marksOf(kind: CountedStart): string[] {
  return Array.from({ length: startsEach }, (_, index) => `${kind}-${index + 1}`);
}

/** A mark is the generation for which it is set; of none, it is this. */
export const unsetMark = encodeMark(0);

export function encodeMark(generation: number): Uint8Array {
  return encodeEnvironment({ mark: generationText(generation) }, placeOctets);
}

export function encodeTurn(slot: string): Uint8Array {
  return encodeEnvironment({ turn: slot }, placeOctets);
}

/** Number of the place with a file's content. */
export function placeOf(file: string): number {
  return 2 * bootFiles.indexOf(file) + 1;
}

/** What stands in each place before a file's content: the end of the file before, and this one's header. Not to be changed. */
export function headersBefore(file: string): Uint8Array {
  const place = headers.get(file) ?? makeHeaders(file);
  headers.set(file, place);
  return place;
}

const headers = new Map<string, Uint8Array>();

function makeHeaders(file: string): Uint8Array {
  const place = new Uint8Array(placeOctets);
  const index = bootFiles.indexOf(file);
  place.set(header(`room-${index}`, placeOctets - 2 * headerOctets));
  place.set(header(file, placeOctets), placeOctets - headerOctets);
  return place;
}

/** The whole partition's content as it leaves the factory; what follows is zeros, the archive's end. */
export function bootArchive(choice: BootChoice): Uint8Array {
  const archive = new Uint8Array(2 * bootFiles.length * placeOctets);
  for (const file of bootFiles) {
    const at = placeOf(file) * placeOctets;
    archive.set(headersBefore(file), at - placeOctets);
    archive.set(firstContent(file, choice), at);
  }
  return archive;
}

function firstContent(file: string, choice: BootChoice): Uint8Array {
  if (markFiles.includes(file)) return unsetMark;
  return file === turnFile ? encodeTurn(choice.active) : encodeChoice(choice, placeOctets);
}

/** A ustar header (POSIX.1-2017, pax, "ustar Interchange Format"): a file of root's, of 1970. */
function header(name: string, octets: number): Uint8Array {
  const block = new Uint8Array(headerOctets);
  const put = (at: number, text: string): void => block.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(100, '0000644\0');
  put(108, '0000000\0');
  put(116, '0000000\0');
  put(124, `${octets.toString(8).padStart(11, '0')}\0`);
  put(136, '00000000000\0');
  put(148, '        ');
  put(156, '0');
  put(257, 'ustar\x0000');
  const sum = block.reduce((total, octet) => total + octet, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}
