/**
 * What the config flash needs of its device: sectors that are read and written whole, and a flush. A partition, a file and a
 * simulated device with power cuts all fit behind it.
 *
 * What is relied upon, and nothing more: after `flush` has returned, what was written before is there after a power cut. What
 * was not flushed may be there or not, sector by sector, in any order; a sector that was being written may hold a mixture.
 * A sector that is not written keeps what it holds, unless a fault of the device changes it.
 */
export interface BlockDevice {
  /** Octets of a sector; at least 64. */
  readonly sectorOctets: number;
  readonly sectorCount: number;
  /** The sector's octets, which the caller owns. Throws where the device cannot read it. */
  readSector(index: number): Uint8Array;
  /** Writes a whole sector; `octets` is borrowed during the call. Throws where the device refuses. */
  writeSector(index: number, octets: Uint8Array): void;
  /** Returns when everything written before would survive a power cut. Throws where the device refuses. */
  flush(): void;
}
