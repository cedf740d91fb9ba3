/**
 * A payload into the idle slot, a chunk at a time: what is there already from an interrupted attempt is recognised by its hash and
 * left, the rest is fetched, judged in memory and only then written; in the end all of it is read back from the device.
 */
import { createHash } from 'node:crypto';
import type { BlockDevice } from '../flash/block-device.ts';
import { type ChunkList, chunkOctets, octetsOfChunk, sha256Hex } from './chunk-list.ts';
import { Refusal } from './refusal.ts';
import { type Release, servedPath, sha256Of } from './target.ts';
import type { UpdateSource } from './update-source.ts';

/** How far it is; `octets` of `total`. */
export interface WritingProgress {
  readonly step: 'recognise' | 'write' | 'read-back';
  readonly octets: number;
  readonly total: number;
}

export interface SlotWriting {
  readonly source: UpdateSource;
  readonly release: Release;
  readonly list: ChunkList;
  readonly slot: BlockDevice;
  readonly progress: (state: WritingProgress) => void;
  /** Waits between two attempts to reach the source. */
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** What it came to. */
export interface SlotWritten {
  /** Octets that were fetched; the others were in the slot already. */
  readonly fetchedOctets: number;
}

/** Waits before each new attempt without progress; then it is given up. What is written stays, and is recognised the next time. */
const waitsMs = [1_000, 2_000, 5_000, 10_000, 20_000];

/**
 * Fills the slot. When it returns, the device holds the payload, flushed and read back.
 *
 * @throws Refusal UNREACHABLE, PAYLOAD_TRUNCATED, PAYLOAD_MISMATCH, SLOT_WRITE, READ_BACK
 */
export async function writeSlot(writing: SlotWriting): Promise<SlotWritten> {
  const missing = await missingChunks(writing);
  let fetchedOctets = 0;
  for (let next = 0, failures = 0; next < missing.length; ) {
    try {
      for await (const [index, chunk] of chunks(writing, missing, next)) {
        writeChunk(writing.slot, index, chunk);
        next++;
        failures = 0;
        fetchedOctets += chunk.length;
        const octets = writing.list.length - remaining(writing.list, missing, next);
        writing.progress({ step: 'write', octets, total: writing.list.length });
      }
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'UNREACHABLE' || failures === waitsMs.length)
        throw error;
      await writing.sleep(waitsMs[failures++] ?? 0);
    }
  }
  await readBack(writing);
  return { fetchedOctets };
}

async function missingChunks({ slot, list, progress }: SlotWriting): Promise<number[]> {
  const missing: number[] = [];
  for (const [index, hash] of list.sha256.entries()) {
    // A sector that cannot be read is one that has to be written.
    const found = tryRead(() => sha256Hex(readChunk(slot, list, index)));
    if (found !== hash) missing.push(index);
    progress({
      step: 'recognise',
      octets: index * chunkOctets + octetsOfChunk(list, index),
      total: list.length,
    });
    await othersTurn();
  }
  return missing;
}

/** The missing chunks from `next` on, verified, by one request for each run of them that is not interrupted. */
async function* chunks(
  { source, release, list }: SlotWriting,
  missing: readonly number[],
  next: number,
): AsyncGenerator<readonly [number, Uint8Array]> {
  const path = servedPath(release.payload);
  for (let at = next; at < missing.length; ) {
    const first = missing[at] ?? 0;
    let pending: Uint8Array[] = [];
    let pendingOctets = 0;
    let index = first;
    const isWanted = (): boolean => missing[at] === index;
    for await (const piece of source.octets(path, first * chunkOctets)) {
      pending.push(piece);
      pendingOctets += piece.length;
      while (isWanted() && pendingOctets >= octetsOfChunk(list, index)) {
        const whole = Buffer.concat(pending);
        const octets = octetsOfChunk(list, index);
        const chunk = whole.subarray(0, octets);
        verifyChunk(chunk, list, index, source.name);
        yield [index, chunk];
        pending = [whole.subarray(octets)];
        pendingOctets -= octets;
        at++;
        index++;
      }
      if (!isWanted()) break;
    }
    if (isWanted()) {
      throw new Refusal(
        'PAYLOAD_TRUNCATED',
        `${source.name}: ${path} ended after ${index * chunkOctets + pendingOctets} of ${list.length} octets`,
      );
    }
  }
}

function verifyChunk(chunk: Uint8Array, list: ChunkList, index: number, from: string): void {
  if (sha256Hex(chunk) === list.sha256[index]) return;
  throw new Refusal(
    'PAYLOAD_MISMATCH',
    `${from}: octets ${index * chunkOctets} to ${index * chunkOctets + chunk.length} are not what was signed; nothing of them was written`,
  );
}

function writeChunk(slot: BlockDevice, index: number, chunk: Uint8Array): void {
  const { sectorOctets } = slot;
  const firstSector = (index * chunkOctets) / sectorOctets;
  onDevice('SLOT_WRITE', () => {
    for (let at = 0; at < chunk.length; at += sectorOctets) {
      let sector = chunk.subarray(at, at + sectorOctets);
      if (sector.length < sectorOctets) {
        const padded = new Uint8Array(sectorOctets);
        padded.set(sector);
        sector = padded;
      }
      slot.writeSector(firstSector + at / sectorOctets, sector);
    }
    // Each chunk for itself: what a power cut leaves is what the next attempt need not fetch.
    slot.flush();
  });
}

/** Everything from the device once more, against both the hashes of the chunks and the one that was signed. */
async function readBack({ slot, list, release, progress }: SlotWriting): Promise<void> {
  const whole = createHash('sha256');
  for (const [index, hash] of list.sha256.entries()) {
    const chunk = onDevice('READ_BACK', () => readChunk(slot, list, index));
    if (sha256Hex(chunk) !== hash) {
      throw new Refusal(
        'READ_BACK',
        `MiB ${index} of the slot does not hold what was written: the medium is worn out, or lies`,
      );
    }
    whole.update(chunk);
    progress({ step: 'read-back', octets: index * chunkOctets + chunk.length, total: list.length });
    await othersTurn();
  }
  if (whole.digest('hex') === sha256Of(release.payload)) return;
  throw new Refusal(
    'READ_BACK',
    'the slot holds what chunks.json says, and that is not the payload that was signed',
  );
}

function readChunk(slot: BlockDevice, list: ChunkList, index: number): Uint8Array {
  const octets = octetsOfChunk(list, index);
  const chunk = new Uint8Array(Math.ceil(octets / slot.sectorOctets) * slot.sectorOctets);
  const firstSector = (index * chunkOctets) / slot.sectorOctets;
  for (let at = 0; at < octets; at += slot.sectorOctets) {
    chunk.set(slot.readSector(firstSector + at / slot.sectorOctets), at);
  }
  return chunk.subarray(0, octets);
}

function remaining(list: ChunkList, missing: readonly number[], next: number): number {
  return missing.slice(next).reduce((sum, index) => sum + octetsOfChunk(list, index), 0);
}

function tryRead(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** What a device says becomes a refusal. */
function onDevice<Value>(code: 'SLOT_WRITE' | 'READ_BACK', use: () => Value): Value {
  try {
    return use();
  } catch (cause) {
    throw new Refusal(code, `the idle slot: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** A router's main thread does this beside answering its control socket. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
