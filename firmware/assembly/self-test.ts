/**
 * The door of the data plane: closed until the ciphers gave their known answers in this instance. A closed data plane drops
 * every packet and installs no SA.
 */
import { cryptoSelfTest } from './crypto/self-test/self-test.ts';

let open: bool = false;

/** Runs the known-answer tests and opens the data plane if all pass. Returns 0, or the number of the test that failed. */
export function runSelfTest(): i32 {
  open = false;
  const failed = cryptoSelfTest();
  open = failed === 0;
  return failed;
}

export function isOpen(): bool {
  return open;
}
