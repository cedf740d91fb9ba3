/** The records by which the firmware is told of packets that it is to work on side by side, as firmware/abi describes them. */
import {
  CBC_JOB_IV,
  CBC_JOB_LENGTH,
  CBC_JOB_SCHEDULE,
  CBC_JOB_SIZE,
  CBC_JOB_TEXT,
  HMAC_JOB_CONTEXT,
  HMAC_JOB_LENGTH,
  HMAC_JOB_MESSAGE,
  HMAC_JOB_OUT,
  HMAC_JOB_SIZE,
} from '../../firmware/abi/crypto-context.ts';
import type { Field, Layout } from './fields.ts';

/** A field, or a part of one. */
export type Place = Pick<Field, 'address' | 'length'>;

export interface CbcJob {
  readonly context: Place;
  readonly iv: Place;
  readonly text: Place;
}

export interface HmacJob {
  readonly context: Place;
  readonly message: Place;
  readonly out: Place;
}

/** Lays out the records of texts for `aesCbcEncryptLanes`. */
export function placeCbcJobs(layout: Layout, jobs: readonly CbcJob[]): Field {
  const records = new DataView(new ArrayBuffer(jobs.length * CBC_JOB_SIZE));
  for (const [index, { context, iv, text }] of jobs.entries()) {
    const at = index * CBC_JOB_SIZE;
    records.setUint32(at + CBC_JOB_IV, iv.address, true);
    records.setUint32(at + CBC_JOB_TEXT, text.address, true);
    records.setUint32(at + CBC_JOB_LENGTH, text.length, true);
    records.setUint32(at + CBC_JOB_SCHEDULE, context.address, true);
  }
  return layout.place(new Uint8Array(records.buffer));
}

/** Lays out the records of messages for `hmacSha1Lanes` or `hmacSha256Lanes`. */
export function placeHmacJobs(layout: Layout, jobs: readonly HmacJob[]): Field {
  const records = new DataView(new ArrayBuffer(jobs.length * HMAC_JOB_SIZE));
  for (const [index, { context, message, out }] of jobs.entries()) {
    const at = index * HMAC_JOB_SIZE;
    records.setUint32(at + HMAC_JOB_CONTEXT, context.address, true);
    records.setUint32(at + HMAC_JOB_MESSAGE, message.address, true);
    records.setUint32(at + HMAC_JOB_LENGTH, message.length, true);
    records.setUint32(at + HMAC_JOB_OUT, out.address, true);
  }
  return layout.place(new Uint8Array(records.buffer));
}
