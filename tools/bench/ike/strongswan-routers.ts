/**
 * New peers of strongSwan's routers: charon at tokyo sets IKE SAs up with as many identities of charon at osaka, one after the other, each
 * with a CHILD SA of its own. Traps do not work with kernel-libipsec, so swanctl starts each; what swanctl costs is charon's at
 * tokyo, and no part of the times, which begin with the first packet.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Charon } from '../../interop/strongswan/arena/charon.ts';
import { sectionText } from '../../interop/strongswan/arena/settings-text.ts';
import type { Section } from '../../interop/strongswan/matrix/combination.ts';
import { cpuTimeMs } from '../../lab/cpu-time.ts';
import type { Site } from '../../lab/topology-plan.ts';
import { addAddresses, type Stage } from '../stage.ts';
import { startCharon, swanctl } from '../strongswan.ts';
import { ikeProposal } from './key-exchanges.ts';
import { espWithinMs, type PeerRound, peersInRound, settleMs, warmUpPeers } from './peer-figures.ts';
import { isEsp, isIke, WireTimes } from './wire-times.ts';

/** Set-ups of a round whose time on the wire is measured: with traffic that waits for them, so apart from processor time. */
const timedPeers = 4;
const peers = warmUpPeers + peersInRound + timedPeers;
/** The first packet that waits leaves at most so much after the SA is there; root may not ping faster. */
const trafficIntervalMs = 1;

export class StrongswanRouters {
  readonly #stage: Stage;
  readonly #times: WireTimes<'ike' | 'esp'>;

  private constructor(stage: Stage, times: WireTimes<'ike' | 'esp'>) {
    this.#stage = stage;
    this.#times = times;
  }

  /** Gets the stage ready; no charon runs yet. Throws HostError. */
  static async prepare(stage: Stage): Promise<StrongswanRouters> {
    for (const site of stage.sites) {
      // kernel-libipsec wants an address of its own in each traffic selector.
      const addresses = Array.from({ length: peers }, (_, number) => `${addressOf(site, number)}/32`);
      addAddresses(stage, site.name, addresses);
    }
    const [tokyo] = stage.sites;
    const times = await WireTimes.start(stage, tokyo.name, {
      ike: isIke,
      esp: (packet) => packet.from === tokyo.wanAddress && isEsp(packet),
    });
    return new StrongswanRouters(stage, times);
  }

  /** Starts both ends, measures a round and ends both. Throws HostError. */
  async round(keyExchange: string): Promise<PeerRound> {
    const [tokyo, osaka] = this.#stage.sites;
    const keys = Array.from({ length: peers }, () => randomBytes(32).toString('base64url'));
    const asking = await startCharon(
      this.#stage,
      tokyo.name,
      configuration(tokyo, osaka, keyExchange, keys, 'asking'),
    );
    const asked = await startCharon(
      this.#stage,
      osaka.name,
      configuration(osaka, tokyo, keyExchange, keys, 'asked'),
    );
    const ends = [asking, asked];
    for (const { process } of ends) preferOverOthers(process.pid);
    for (let number = 0; number < warmUpPeers; number++) await initiate(asking, number);
    await sleep(settleMs);
    const read = (): number[] => ends.map(({ process }) => cpuTimeMs(process.pid));
    const before = read();
    for (let number = warmUpPeers; number < warmUpPeers + peersInRound; number++)
      await initiate(asking, number);
    await sleep(settleMs);
    const [askingCpuMs = 0, askedCpuMs = 0] = read().map(
      (cpu, end) => (cpu - (before[end] ?? 0)) / peersInRound,
    );
    const firstEspMs: number[] = [];
    const ikeMs: number[] = [];
    for (let number = warmUpPeers + peersInRound; number < peers; number++) {
      const timed = await this.#timed(asking, number);
      firstEspMs.push(timed.firstEspMs);
      ikeMs.push(timed.ikeMs);
    }
    for (const { process } of ends) process.signal('SIGTERM');
    await Promise.all(ends.map(({ process }) => process.ended));
    return { askingCpuMs, askedCpuMs, firstEspMs, ikeMs };
  }

  /** Sets a peer up for which traffic waits. */
  async #timed(asking: Charon, number: number): Promise<{ firstEspMs: number; ikeMs: number }> {
    const [tokyo, osaka] = this.#stage.sites;
    const traffic = await this.#stage.processes.start(tokyo.name, 'traffic', [
      // Late because another program runs, it would count against strongSwan.
      ...['chrt', '--rr', '1', 'ping', '-q', '-n', '-i', String(trafficIntervalMs / 1000)],
      ...['-I', addressOf(tokyo, number), addressOf(osaka, number)],
    ]);
    this.#times.reset();
    await initiate(asking, number);
    const firstEspMs = await this.#times.between('ike', 'esp', espWithinMs);
    traffic.signal('SIGKILL');
    await traffic.ended;
    return { firstEspMs, ikeMs: this.#times.span('ike') };
  }
}

function initiate(asking: Charon, number: number): Promise<void> {
  return swanctl(asking, '--initiate', '--child', `peer-${number}`, '--loglevel', '-1');
}

/** As the lab prefers our processes, so that what else this machine does is not in a measurement of milliseconds. */
function preferOverOthers(pid: number): void {
  spawnSync('chrt', ['--all-tasks', '--rr', '--pid', '1', String(pid)]);
}

function addressOf(site: Site, number: number): string {
  return site.extraNetwork.replace(/128\/25$/, String(128 + number));
}

function configuration(
  here: Site,
  there: Site,
  keyExchange: string,
  keys: readonly string[],
  role: 'asking' | 'asked',
): string {
  const connections = keys.map((_, number): [string, Section] => {
    const peer = `peer-${number}`;
    const [local, remote] = role === 'asking' ? ['asking', peer] : [peer, 'asking'];
    const connection: Section = {
      version: 2,
      mobike: 'no',
      local_addrs: here.wanAddress,
      remote_addrs: there.wanAddress,
      proposals: ikeProposal(keyExchange),
      local: { auth: 'psk', id: local },
      remote: { auth: 'psk', id: remote },
      children: {
        [peer]: {
          local_ts: `${addressOf(here, number)}/32`,
          remote_ts: `${addressOf(there, number)}/32`,
          esp_proposals: 'aes256gcm16',
        },
      },
    };
    return [peer, connection];
  });
  const secrets = keys.map((key, number): [string, Section] => [
    `ike-${number}`,
    { id: `peer-${number}`, secret: `"${key}"` },
  ]);
  return sectionText({
    connections: Object.fromEntries(connections),
    secrets: Object.fromEntries(secrets),
  });
}
