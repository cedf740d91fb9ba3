/** What the packet loop of each of a router's workers is made with, but for the sockets and the TUN. */
import type { Capacities } from '../dataplane/memory-layout.ts';
import { type Address, equalAddresses } from '../model/address.ts';
import type { PacketLoopOptions } from '../packet-loop/packet-loop.ts';
import type { WorkerSettings } from './worker-protocol.ts';

/** What the settings file allows, and rows for entries with several selectors. */
const maximumSpdEntries = 4096;
const maximumSpdRows = 8192;

/** A packet slot takes the longest setting message in its inner packet (10,240 octets and headers), or of the TUN. */
const ordinaryPacketOctets = 10_496;
const encapsulationOctets = 128;

export type LoopSettings = Pick<WorkerSettings, 'settings' | 'local' | 'pathMtuOctets' | 'icmpSources'>;

/** What each engine has room for. */
export function engineCapacities({ settings }: Pick<LoopSettings, 'settings'>): Partial<Capacities> {
  return {
    saPairs: settings.capacity.saPairs,
    spdEntries: maximumSpdEntries,
    spdRows: maximumSpdRows,
    packetOctets: Math.max(ordinaryPacketOctets, settings.tunnel.mtu + encapsulationOctets),
    heldPackets: settings.held.packetsTotal,
    heldPerKey: settings.held.packetsPerEntry,
  };
}

/** The options of a packet loop, at `address` in place of the one that we had at the start. */
export function packetLoopOptions(
  worker: LoopSettings,
  address: Address,
  random: PacketLoopOptions['engine']['random'],
): Omit<PacketLoopOptions, 'openInterface'> {
  return {
    icmpSources: worker.icmpSources.map((source) =>
      equalAddresses(source, worker.local.address) ? address : source,
    ),
    unansweredSeconds: worker.settings.unansweredSeconds,
    engine: { random, pathMtuOctets: worker.pathMtuOctets, capacities: engineCapacities(worker) },
  };
}
