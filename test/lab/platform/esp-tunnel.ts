/**
 * A router's packet loop with one SA pair of ESP, run in a namespace: real TUN, real sockets, the shipped engine; no server, keys from
 * the SPIs. Says `open` when ready. On SIGTERM prints what was counted and the processor time that it took, as JSON in one line.
 */
import { PacketLoop } from '../../../host/packet-loop/packet-loop.ts';
import { RECEIVE_CAPACITY } from '../../../host/platform/batch-socket.ts';
import { openLinuxPacketInterface } from '../../../host/platform/linux-packet-interface.ts';
import {
  address,
  pair,
  protect,
  pseudoRandom,
  selector,
  smallCapacities,
} from '../../property/dataplane/engines.ts';

export interface EspTunnelSettings {
  readonly local: string;
  readonly peer: string;
  /** Networks of the two ends. */
  readonly networks: readonly [string, string];
  /** SPIs of the two SAs: that of the inbound one first. */
  readonly spis: readonly [number, number];
  readonly encapsulation: 'udp' | 'raw';
  readonly mode: 'tunnel' | 'transport';
  readonly dontFragment: 'copy' | 'set' | 'clear';
  readonly tunMtu: number;
  readonly pathMtuOctets: number;
  /** Of ICMP errors; without one there are none. */
  readonly icmpSource?: string;
  readonly socketBufferOctets?: number;
}

export interface EspTunnelReport {
  readonly counters: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  readonly processorMs: number;
}

const settings: EspTunnelSettings = JSON.parse(process.argv[2] ?? '');
const { local, peer, networks, spis, encapsulation, mode, dontFragment, icmpSource } = settings;
const selectors = [selector(...networks)];
const loop = new PacketLoop({
  icmpSources: icmpSource === undefined ? [] : [address(icmpSource)],
  unansweredSeconds: 0,
  engine: {
    random: (length) => pseudoRandom('lab', length),
    pathMtuOctets: settings.pathMtuOctets,
    capacities: { ...smallCapacities, packetSlots: 128, packetOctets: 10_624, bundles: RECEIVE_CAPACITY },
  },
  openInterface: (memory) =>
    openLinuxPacketInterface({
      memory,
      tunName: 'inner0',
      tunMtu: settings.tunMtu,
      localAddresses: [address(local)],
      localPort: 4500,
      raw: true,
      ...(settings.socketBufferOctets === undefined
        ? {}
        : { socketBufferOctets: settings.socketBufferOctets }),
    }),
});
const lifetime = { seconds: 3600, octets: undefined, packets: undefined };
const options = {
  local,
  remote: peer,
  encapsulation,
  mode,
  dontFragment,
  selectors,
  soft: lifetime,
  hard: lifetime,
  replayWindow: 1024,
};
loop.obey({
  kind: 'change',
  change: {
    spd: [protect('to-b', selectors)],
    install: [{ pair: pair(spis[0], spis[1], options), use: true }],
  },
});
process.stdout.write('open\n');
let isOver = false;
process.on('SIGTERM', () => {
  isOver = true;
});
while (!isOver) {
  loop.wait(100);
  for (let rounds = 0; rounds < 100 && loop.run() > 0; rounds++) loop.wait(0);
  loop.takeEvents();
  // Signals are seen between two turns of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
}
const { counters, drops } = loop.snapshot();
const { user, system } = process.cpuUsage();
const numbers = (counts: Readonly<Record<string, bigint>>) =>
  Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, Number(count)]));
const report: EspTunnelReport = {
  counters: numbers(counters),
  drops: numbers(drops),
  processorMs: (user + system) / 1000,
};
process.stdout.write(`report ${JSON.stringify(report)}\n`);
loop.close();
