/** Whole packets through the shipped packet engine as a contestant, and the comparison of every one of them with node:crypto. */
import { WrongResult } from '../bench.ts';
import { hmacIcvOctets, nodeCrypto } from '../crypto/node-crypto.ts';
import type { Work } from '../turns.ts';
import { Gateways } from './gateways.ts';
import { type EspRow, espBatch, espTitleOf, meanOf } from './rows.ts';
import { innerPacket } from './sa.ts';

const headerOctets = 8;
const gcmIcvOctets = 16;

export interface EspWork extends Work {
  /** Inner packets of a run, all together. */
  readonly octetsPerRun: number;
}

/**
 * The row's packets, ready to be run again and again: each run has new sequence numbers, so that nothing is replayed.
 *
 * @throws WrongResult if node:crypto does not open what was sealed, or what comes out is not what went in
 */
export function espWork(row: EspRow): EspWork {
  const gateways = new Gateways(row.proposal, row.sas);
  const batches = Array.from({ length: Math.ceil(row.sas / espBatch) }, (_, turn) => batchOf(row, turn));
  for (const batch of batches) check(row, gateways, batch);
  const octetsPerRun = espBatch * meanOf(row.lengths);
  let turn = 0;
  const place = (): void =>
    gateways.place((batches[turn++ % batches.length] ?? []).map(({ packet }) => packet));
  if (row.direction === 'outbound') return { prepare: place, run: () => gateways.seal(), octetsPerRun };
  return {
    prepare() {
      place();
      gateways.seal();
      gateways.carry();
    },
    run: () => gateways.open(),
    octetsPerRun,
  };
}

interface InnerPacket {
  readonly packet: Uint8Array;
  readonly sa: number;
}

/** Packets for SAs in turn; with more SAs than packets, each batch has the next ones. */
function batchOf(row: EspRow, turn: number): readonly InnerPacket[] {
  return Array.from({ length: espBatch }, (_, index) => {
    const sa = (turn * espBatch + index) % row.sas;
    const length = row.lengths[index % row.lengths.length] ?? 0;
    return { packet: innerPacket([10, 1, 0, 5], [10, 2, sa, 6], length, `packet ${turn} ${index}`), sa };
  });
}

function check(row: EspRow, gateways: Gateways, batch: readonly InnerPacket[]): void {
  const wrong = (who: string, detail: string): never => {
    throw new WrongResult(espTitleOf(row), who, detail);
  };
  try {
    gateways.place(batch.map(({ packet }) => packet));
    gateways.seal();
    const sealed = gateways.sealed();
    gateways.carry();
    gateways.open();
    const opened = gateways.opened();
    for (const [index, { packet, sa }] of batch.entries()) {
      const found = openByNode(row, gateways, sa, sealed[index] ?? new Uint8Array(0));
      if (!found.equals(packet)) wrong('outbound', `packet ${index} holds ${found.toString('hex')}`);
      const inner = Buffer.from(opened[index] ?? []);
      if (!inner.equals(packet)) wrong('inbound', `packet ${index} is ${inner.toString('hex')}`);
    }
  } catch (error) {
    if (error instanceof WrongResult) throw error;
    wrong(row.direction, error instanceof Error ? error.message : String(error));
  }
}

/** RFC 4303 section 3.4 with node:crypto. Throws if it is not authentic. */
function openByNode(row: EspRow, gateways: Gateways, sa: number, esp: Uint8Array): Buffer {
  const { method } = row.cipher;
  const { encryption, authentication, salt } = gateways.keys(sa);
  const { ivOctets } = gateways.proposal;
  const icvOctets = method.kind === 'cbc-hmac' ? hmacIcvOctets[method.mac] : gcmIcvOctets;
  const textStart = headerOctets + ivOctets;
  const process = nodeCrypto(
    { ...row.cipher, direction: 'decrypt' },
    { key: encryption, macKey: authentication },
  );
  const { text } = process({
    nonce: Buffer.concat([salt, esp.subarray(headerOctets, textStart)]),
    aad: esp.subarray(0, headerOctets),
    text: esp.subarray(textStart, esp.length - icvOctets),
    icv: esp.subarray(esp.length - icvOctets),
  });
  const padLength = text[text.length - 2] ?? 0;
  return Buffer.from(text.subarray(0, text.length - 2 - padLength));
}
