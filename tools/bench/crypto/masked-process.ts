/** What runs in the process of masked.ts: node:crypto's part of a row, a slice whenever it is asked for one. */
import { createHash } from 'node:crypto';
import { runSlice, type Work } from '../turns.ts';
import { longOctets, type MaskedAnswer, type MaskedRequest, type MaskedText } from './masked.ts';
import { nodeCrypto } from './node-crypto.ts';
import { oneByOne, type PacketWork } from './packet-work.ts';
import type { Row } from './row.ts';
import { workloadOf } from './workload.ts';

let works: Readonly<Record<MaskedText, Work>> | undefined;

function answer(request: MaskedRequest): MaskedAnswer {
  if (request.kind === 'slice') {
    if (works === undefined) return { error: 'asked for a slice before a row was made ready' };
    return runSlice(works[request.text], request.milliseconds);
  }
  const { row } = request;
  const packets = workOf(row);
  works = { packets, long: workOf({ ...row, octets: longOctets, lengths: [longOctets] }, 1) };
  packets.run();
  const digest = createHash('sha256');
  for (const result of packets.results()) digest.update(result);
  return { digest: digest.digest('hex') };
}

function workOf(row: Row, count?: number): PacketWork {
  const workload = workloadOf(row, count);
  return oneByOne(nodeCrypto(row, workload), workload.packets);
}

process.on('message', (request: MaskedRequest) => {
  let answered: MaskedAnswer;
  try {
    answered = answer(request);
  } catch (error) {
    answered = { error: String(error) };
  }
  process.send?.(answered);
});
