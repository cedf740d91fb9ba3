/**
 * Small documents of a router in a record log of their own (record-log.ts): the newest record of a name counts. A document is never a
 * secret: it lies there as it is, and older ones stay until they are overwritten.
 *
 * ```
 *  0      1             5          n
 *  ┌──────┬─────────────┬──────────┬─────────────┐
 *  │ kind │ name length │ name     │ content ... │
 *  └──────┴─────────────┴──────────┴─────────────┘
 * ```
 * The kind is one that records of settings do not have. Pure: the device is injected.
 */
import { HostError } from '../model/host-error.ts';
import type { BlockDevice } from './block-device.ts';
import { RecordLog } from './record-log.ts';
import type { StateStore } from './state.ts';

/** record.ts has the others. */
const documentKind = 4;
const nameAt = 5;

export class StateFlash implements StateStore {
  readonly #log: RecordLog;
  /** The record with the newest content of each name. */
  readonly #newest = new Map<string, number>();

  /** Reads the device; changes nothing. */
  constructor(device: BlockDevice) {
    this.#log = new RecordLog(device);
    for (const sequence of this.#log.sequences) {
      const record = this.#log.read(sequence);
      const name = record === undefined ? undefined : nameOf(record);
      if (name !== undefined) this.#newest.set(name, sequence);
    }
  }

  /** The device holds something that is not ours, or of a later format: it is not written. */
  get isForeign(): boolean {
    return this.#log.contents !== 'records' && this.#log.contents !== 'blank';
  }

  read(name: string): Uint8Array | undefined {
    const sequence = this.#newest.get(name);
    const record = sequence === undefined ? undefined : this.#log.read(sequence);
    return record === undefined ? undefined : contentOf(record);
  }

  write(name: string, content: Uint8Array): void {
    if (this.isForeign) {
      throw new HostError(
        'FLASH',
        `${name} cannot be kept: the state's part of the config flash holds something else`,
      );
    }
    // What is replaced is wanted until the new record is there: a log that is full keeps the old one, and says so.
    const wanted = { vital: [...this.#newest.values()], others: [] };
    const others = [...this.#newest].filter(([other]) => other !== name).map(([, sequence]) => sequence);
    const record = documentRecord(name, content);
    let written = this.#log.append(record, wanted);
    if (!written.ok && written.code === 'FULL') {
      // Without room for old and new beside each other, the old one goes as the new one comes, one copy after the other: so both
      // have to hold it, which they do not after a cut in the attempt before.
      this.#log.repair(wanted);
      written = this.#log.append(record, { vital: others, others: [] });
    }
    if (!written.ok) throw new HostError('FLASH', `${name} cannot be kept: ${written.message}`);
    this.#newest.set(name, written.value);
  }
}

function documentRecord(name: string, content: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(name);
  const record = new Uint8Array(nameAt + text.length + content.length);
  const view = new DataView(record.buffer);
  view.setUint8(0, documentKind);
  view.setUint32(1, text.length);
  record.set(text, nameAt);
  record.set(content, nameAt + text.length);
  return record;
}

/** undefined for a record of another kind, of a later version: it is passed over. */
function nameOf(record: Uint8Array): string | undefined {
  if (record.length < nameAt || record[0] !== documentKind) return undefined;
  const end = contentAt(record);
  return end > record.length ? undefined : new TextDecoder().decode(record.subarray(nameAt, end));
}

function contentOf(record: Uint8Array): Uint8Array {
  return record.slice(contentAt(record));
}

function contentAt(record: Uint8Array): number {
  return nameAt + new DataView(record.buffer, record.byteOffset, record.length).getUint32(1);
}
