/** Writes a selector and what to do with its packets as a row of firmware/abi/spd-row.ts. Decides nothing. */
import {
  PROTOCOL_ANY,
  ROW_ACTION,
  ROW_ENTRY,
  ROW_FAMILY,
  ROW_FIRST,
  ROW_LAST,
  ROW_LOCAL,
  ROW_LOCAL_MASK,
  ROW_PROTOCOL,
  ROW_REMOTE,
  ROW_REMOTE_MASK,
  ROW_SIZE,
  ROW_SLOT,
  ROW_SPI,
  VALUE_ANY_FIRST,
  VALUE_ANY_LAST,
} from '../../firmware/abi/spd-row.ts';
import type { Prefix } from '../model/prefix.ts';
import type { Spi } from '../model/security-association.ts';
import type { Range, Selector } from '../model/selector.ts';

export interface Row {
  readonly selector: Selector;
  /** ACTION_* number. */
  readonly action: number;
  /** Index of the SPD entry; 0 where it does not matter. */
  readonly entryIndex: number;
  /** Outbound slot and the SPI of its SA, for ACTION_SA. */
  readonly slotIndex: number;
  readonly spi: Spi;
}

/** Writes `row` at `address`. */
export function writeRow(view: DataView, address: number, row: Row): void {
  const { selector } = row;
  const octets = new Uint8Array(view.buffer, view.byteOffset + address, ROW_SIZE);
  octets.fill(0);
  writePrefix(octets, ROW_LOCAL, ROW_LOCAL_MASK, selector.local);
  writePrefix(octets, ROW_REMOTE, ROW_REMOTE_MASK, selector.remote);
  const ranges = [selector.localPorts, selector.remotePorts, selector.icmpType, selector.icmpCode];
  ranges.forEach((range, index) => {
    writeRange(view, address + 4 * index, range);
  });
  view.setUint32(address + ROW_PROTOCOL, selector.protocol ?? PROTOCOL_ANY, true);
  view.setUint32(address + ROW_FAMILY, selector.local.address.family, true);
  view.setUint32(address + ROW_ACTION, row.action, true);
  view.setUint32(address + ROW_ENTRY, row.entryIndex, true);
  view.setUint32(address + ROW_SLOT, row.slotIndex, true);
  view.setUint32(address + ROW_SPI, row.spi, true);
}

function writePrefix(octets: Uint8Array, addressOffset: number, maskOffset: number, prefix: Prefix): void {
  octets.set(prefix.address.octets, addressOffset);
  for (let index = 0; index < prefix.address.octets.length; index++) {
    const bits = Math.min(8, Math.max(0, prefix.length - index * 8));
    octets[maskOffset + index] = (0xff00 >> bits) & 0xff;
  }
}

function writeRange(view: DataView, address: number, range: Range | null): void {
  view.setUint32(address + ROW_FIRST, range?.first ?? VALUE_ANY_FIRST, true);
  view.setUint32(address + ROW_LAST, range?.last ?? VALUE_ANY_LAST, true);
}
