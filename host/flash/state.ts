/** Small documents of a router that survive a restart, by their names: the latest trusted time, what became of the last version-up. */
export interface StateStore {
  /** undefined when never written. The octets are the caller's. */
  read(name: string): Uint8Array | undefined;
  /** Durable when it returns, old or new after a cut. Throws HostError FLASH when it cannot be kept. */
  write(name: string, content: Uint8Array): void;
}
