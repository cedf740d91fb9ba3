/**
 * A router's packet loop with one SA pair of AH, run in a namespace by ah.test.ts: real TUN, real raw sockets, the shipped
 * engine; no server, keys from the SPIs. Says `open` when ready; on SIGTERM prints what the engine dropped.
 */
import { PacketLoop } from '../../../host/packet-loop/packet-loop.ts';
import { RECEIVE_CAPACITY } from '../../../host/platform/batch-socket.ts';
import { openLinuxPacketInterface } from '../../../host/platform/linux-packet-interface.ts';
import {
  address,
  protect,
  pseudoRandom,
  type SaOptions,
  sa,
  selector,
  smallCapacities,
} from '../../property/dataplane/engines.ts';

export interface AhTunnelSettings {
  readonly local: string;
  readonly peer: string;
  readonly proposal: string;
  readonly mode: 'tunnel' | 'transport';
  /** Networks of the two ends. */
  readonly networks: readonly [string, string];
  /** SPIs of the two SAs: that of the inbound one first. */
  readonly spis: readonly [number, number];
}

const settings: AhTunnelSettings = JSON.parse(process.argv[2] ?? '');
const { local, peer, proposal, mode, networks, spis } = settings;
const selectors = [selector(...networks)];
const options: SaOptions = {
  protocol: 'ah',
  encapsulation: 'raw',
  esn: true,
  proposal,
  mode,
  selectors,
  local,
  remote: peer,
};
let wakeFd = -1;
const loop = new PacketLoop({
  icmpSources: [],
  unansweredSeconds: 60,
  engine: {
    random: (length) => pseudoRandom('lab', length),
    capacities: { ...smallCapacities, packetSlots: 64, bundles: RECEIVE_CAPACITY },
  },
  openInterface: (memory) => {
    const opened = openLinuxPacketInterface({
      memory,
      tunName: 'inner0',
      tunMtu: 1400,
      localAddresses: [address(local)],
      localPort: 4500,
      raw: true,
    });
    wakeFd = opened.wakeFd;
    return opened;
  },
});
const [inbound, outbound] = [sa('inbound', spis[0], options), sa('outbound', spis[1], options)];
const pair = {
  entry: 'to-peer',
  kind: 'all',
  precedence: 0,
  precedents: [],
  inbound,
  outbound,
  deliver: 'network',
} as const;
loop.obey({
  kind: 'change',
  change: { spd: [protect('to-peer', selectors)], install: [{ pair, use: true }] },
});
process.stdout.write(`open, wake ${wakeFd}\n`);
let isOver = false;
process.on('SIGTERM', () => {
  isOver = true;
});
while (!isOver) {
  loop.wait(20);
  loop.run();
  loop.takeEvents();
  // Lets the signal in.
  await new Promise((resolve) => setImmediate(resolve));
}
const drops = Object.entries(loop.snapshot().drops).filter(([, count]) => count > 0n);
process.stdout.write(`dropped ${drops.map(([name, count]) => `${name} ${count}`).join(', ') || 'nothing'}\n`);
loop.close();
