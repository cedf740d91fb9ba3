/**
 * New peers of our routers: tokyo, whose channel is up, gets a packet for each of many peers in turn, behind osaka and behind nagoya, and
 * has an SA pair for none of them. They are the lab's routers with its set of a hundred SPD entries for each pair of sites.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../../host/model/host-error.ts';
import { smallPairs } from '../../lab/configuration.ts';
import { cpuTimeMs } from '../../lab/cpu-time.ts';
import { Fleet } from '../../lab/fleet.ts';
import type { Site } from '../../lab/topology-plan.ts';
import { ping } from '../../lab/traffic.ts';
import { untilQuiet } from '../quiet.ts';
import type { Stage } from '../stage.ts';
import { espWithinMs, type PeerRound, peersInRound, settleMs, warmUpPeers } from './peer-figures.ts';
import { isEsp, protocols, WireTimes } from './wire-times.ts';

export class SekishoRouters {
  readonly #stage: Stage;
  readonly #fleet: Fleet;
  readonly #asking: Site;
  readonly #times: WireTimes<'inner' | 'esp'>;
  /** Those that have no SA pair yet, a site behind the other. */
  readonly #peers: { readonly site: Site; readonly local: string; readonly remote: string }[];

  private constructor(
    stage: Stage,
    fleet: Fleet,
    asking: Site,
    asked: readonly Site[],
    times: WireTimes<'inner' | 'esp'>,
  ) {
    this.#stage = stage;
    this.#fleet = fleet;
    this.#asking = asking;
    this.#times = times;
    const lists = asked.map((site) =>
      smallPairs(asking, site).map(([local, remote]) => ({ site, local, remote })),
    );
    this.#peers = (lists[0] ?? []).flatMap((_, number) => lists.flatMap((list) => list[number] ?? []));
  }

  /** Starts server and routers, waits for channels and rehearsals, and sets the first peers up. Throws HostError. */
  static async start(stage: Stage): Promise<SekishoRouters> {
    const { place, processes, plan } = stage;
    const [asking, ...asked] = plan.sites;
    if (asking === undefined) throw new RangeError('expected a site');
    const options = { saveKeys: undefined, protocol: 'esp' } as const;
    const fleet = new Fleet(place, processes, plan, options, () => undefined);
    await fleet.startAll('many');
    // SAs in place send signs of life: only the first packet of each SA counts.
    const seen = new Set<number>();
    const isNew = (spi: number): boolean => !seen.has(spi) && seen.add(spi).has(spi);
    const outside = asked.map(({ wanAddress }) => wanAddress);
    const times = await WireTimes.start(stage, asking.name, {
      inner: ({ protocol, to }) =>
        protocol === protocols.icmp && to.startsWith('10.') && !to.startsWith('10.1.'),
      esp: (packet) =>
        packet.from === asking.wanAddress &&
        outside.includes(packet.to) &&
        isEsp(packet) &&
        isNew(packet.word),
    });
    const routers = new SekishoRouters(stage, fleet, asking, asked, times);
    await untilQuiet(['server', ...plan.sites.map(({ name }) => name)].map((name) => fleet.pidOf(name)));
    fleet.preferOverOthers(true);
    for (let count = 0; count < warmUpPeers; count++) await routers.#setUp();
    return routers;
  }

  async round(): Promise<PeerRound> {
    const names = this.#stage.plan.sites.map(({ name }) => name);
    const read = (): number[] => names.map((name) => cpuTimeMs(this.#fleet.pidOf(name)));
    const before = read();
    const firstEspMs: number[] = [];
    for (let count = 0; count < peersInRound; count++) firstEspMs.push(await this.#setUp());
    await sleep(settleMs);
    const [asking = 0, ...asked] = read().map((cpu, index) => (cpu - (before[index] ?? 0)) / peersInRound);
    return {
      askingCpuMs: asking,
      askedCpuMs: asked.reduce((sum, one) => sum + one, 0),
      firstEspMs,
      ikeMs: [],
    };
  }

  /** From now on nobody minds when the processes end. */
  letGo(): void {
    this.#fleet.letGo();
  }

  async #setUp(): Promise<number> {
    const peer = this.#peers.shift();
    if (peer === undefined) throw new RangeError('expected a peer that is left');
    this.#fleet.refuseAfterCrash();
    this.#times.reset();
    const { milliseconds } = await ping(this.#stage.processes, this.#asking, peer.remote, {
      source: peer.local,
    });
    if (milliseconds === undefined) {
      throw new HostError('PLATFORM', `no reply from ${peer.remote} behind ${peer.site.name}`);
    }
    return await this.#times.between('inner', 'esp', espWithinMs);
  }
}
