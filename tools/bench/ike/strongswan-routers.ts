/**
 * New peers of strongSwan's routers: charon at tokyo sets IKE SAs up with as many identities of charon at osaka, one after the other, each
 * with a CHILD SA of its own. Traps do not work with kernel-libipsec, so swanctl starts each; what swanctl costs is charon's at
 * tokyo, and no part of the times, which begin with the first packet.
 */

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Site } from '../../lab/topology-plan.ts';
import { cpuTimeMs } from './cpu-time.ts';
import { ikeProposal } from './key-exchanges.ts';
import { espWithinMs, type PeerRound, peersInRound, settleMs, warmUpPeers } from './peer-figures.ts';
import { addAddresses, type Stage } from './stage.ts';
import { startCharon, swanctl } from './strongswan.ts';
import { isEsp, isIke, WireTimes } from './wire-times.ts';

/** Set-ups of a round whose time on the wire is measured: with traffic that waits for them, so apart from processor time. */
const timedPeers = 4;
const peers = warmUpPeers + peersInRound + timedPeers;
/** The first packet that waits leaves at most so much after the SA is there; root may not ping faster. */
const trafficIntervalMs = 1;

/** Gives both routers an address for each peer: kernel-libipsec wants one of its own in each traffic selector. */
export function prepareStrongswan(stage: Stage): void {
  for (const site of stage.sites) {
    addAddresses(
      stage,
      site.name,
      Array.from({ length: peers }, (_, number) => `${addressOf(site, number)}/32`),
    );
  }
}

/** Starts both, measures a round and ends both. Throws HostError. */
export async function strongswanRound(stage: Stage, keyExchange: string): Promise<PeerRound> {
  const [tokyo, osaka] = stage.sites;
  const keys = Array.from({ length: peers }, () => randomBytes(32).toString('base64url'));
  const ends = [
    await startCharon(stage, tokyo.name, configuration(tokyo, osaka, keyExchange, keys, 'asking')),
    await startCharon(stage, osaka.name, configuration(osaka, tokyo, keyExchange, keys, 'asked')),
  ] as const;
  for (const { process } of ends) preferOverOthers(process.pid);
  const [asking] = ends;
  const initiate = (number: number): Promise<void> =>
    swanctl(asking, '--initiate', '--child', `peer-${number}`, '--loglevel', '-1');
  const read = (): number[] => ends.map(({ process }) => cpuTimeMs(process.pid));
  for (let number = 0; number < warmUpPeers; number++) await initiate(number);
  await sleep(settleMs);
  const before = read();
  for (let number = warmUpPeers; number < warmUpPeers + peersInRound; number++) await initiate(number);
  await sleep(settleMs);
  const [askingCpuMs = 0, askedCpuMs = 0] = read().map(
    (cpu, end) => (cpu - (before[end] ?? 0)) / peersInRound,
  );
  const times = await WireTimes.start(stage, tokyo.name, {
    ike: isIke,
    esp: (packet) => packet.from === tokyo.wanAddress && isEsp(packet),
  });
  const firstEspMs: number[] = [];
  const ikeMs: number[] = [];
  for (let number = warmUpPeers + peersInRound; number < peers; number++) {
    const traffic = await stage.processes.start(tokyo.name, 'traffic', [
      ...['ping', '-q', '-n', '-i', String(trafficIntervalMs / 1000)],
      ...['-I', addressOf(tokyo, number), addressOf(osaka, number)],
    ]);
    times.reset();
    await initiate(number);
    firstEspMs.push(await times.between('ike', 'esp', espWithinMs));
    ikeMs.push(times.span('ike'));
    traffic.signal('SIGKILL');
    await traffic.ended;
  }
  await times.stop();
  for (const { process } of ends) process.signal('SIGTERM');
  await Promise.all(ends.map(({ process }) => process.ended));
  return { askingCpuMs, askedCpuMs, firstEspMs, ikeMs };
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
  const connections = keys.map((_, number) => {
    const identities = ['asking', `peer-${number}`];
    if (role === 'asked') identities.reverse();
    return `  peer-${number} {
    version = 2
    mobike = no
    local_addrs = ${here.wanAddress}
    remote_addrs = ${there.wanAddress}
    proposals = ${ikeProposal(keyExchange)}
    local {
      auth = psk
      id = ${identities[0]}
    }
    remote {
      auth = psk
      id = ${identities[1]}
    }
    children {
      peer-${number} {
        local_ts = ${addressOf(here, number)}/32
        remote_ts = ${addressOf(there, number)}/32
        esp_proposals = aes256gcm16
      }
    }
  }`;
  });
  const secrets = keys.map(
    (key, number) => `  ike-${number} {
    id = peer-${number}
    secret = "${key}"
  }`,
  );
  return `connections {\n${connections.join('\n')}\n}\nsecrets {\n${secrets.join('\n')}\n}\n`;
}
