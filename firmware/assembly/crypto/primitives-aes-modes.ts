/**
 * The modes of AES beside GCM and plain CBC as exports of the module, for tests, vectors and measurements: one `primitive_`
 * function for each. Decides nothing.
 */
import { cbcEncryptLanes, cbcUnpredictableIvLanes } from './cbc-lanes.ts';

export function primitive_cbc_encrypt_lanes(context: usize, jobs: usize, count: u32): void {
  cbcEncryptLanes(context, jobs, count);
}

export function primitive_cbc_unpredictable_iv_lanes(
  schedule: usize,
  sequenceLow: u32,
  sequenceHigh: u32,
  jobs: usize,
  count: u32,
): void {
  cbcUnpredictableIvLanes(schedule, sequenceLow, sequenceHigh, jobs, count);
}
