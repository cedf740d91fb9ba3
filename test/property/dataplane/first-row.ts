/** The firmware's SPD lookup alone: stages rows as they stand in a bank and says which entry decided about a packet. */
import {
  DESCRIPTOR_ENTRY,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_START,
  ENTRY_NONE,
} from '../../../firmware/abi/descriptor.ts';
import { PACKET_HEADROOM, REGION_DESCRIPTORS, REGION_PACKETS } from '../../../firmware/abi/layout.ts';
import { ACTION_DISCARD, ROW_SIZE } from '../../../firmware/abi/spd-row.ts';
import { FirmwareInstance } from '../../../host/dataplane/instance.ts';
import type { Row } from '../../../host/dataplane/row-image.ts';
import type { Selector } from '../../../host/model/selector.ts';
import { smallCapacities } from './engines.ts';

/** An instance with room for `rows` rows, each of an entry of its own. */
export function instanceFor(rows: number): FirmwareInstance {
  const capacities = { ...smallCapacities, spdRows: rows, spdEntries: rows, flows: 1 };
  return new FirmwareInstance(capacities, new Uint8Array(16));
}

/** Row i of entry i, so that the entry tells which row decided. */
export function discardRows(selectors: readonly Selector[]): Row[] {
  return selectors.map((selector, entryIndex) => ({
    selector,
    action: ACTION_DISCARD,
    entryIndex,
    slotIndex: 0,
    spi: 0,
  }));
}

/** Writes the octets of a tree into the inactive bank and stages them. Returns STAGE_*. */
export function stageTree(instance: FirmwareInstance, tree: Uint8Array): number {
  instance.octets.set(tree, instance.call('staged_spd_rows'));
  return instance.call('stage_spd', tree.length / ROW_SIZE);
}

/** Index of the entry that decides about a packet from the protected side, or -1. */
export function decidingEntry(instance: FirmwareInstance, packet: Uint8Array): number {
  const { regions } = instance.layout;
  const start = (regions[REGION_PACKETS] ?? 0) + PACKET_HEADROOM;
  const descriptor = regions[REGION_DESCRIPTORS] ?? 0;
  instance.octets.set(packet, start);
  instance.view.setUint32(descriptor + DESCRIPTOR_START, start, true);
  instance.view.setUint32(descriptor + DESCRIPTOR_LENGTH, packet.length, true);
  instance.call('run_outbound', 0, 1, 0);
  const entry = instance.view.getUint32(descriptor + DESCRIPTOR_ENTRY, true);
  return entry === ENTRY_NONE >>> 0 ? -1 : entry;
}
