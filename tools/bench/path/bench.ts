/**
 * `npm run bench -- path`: packets from host to host through two routers, over the kernel's own forwarding, our routers with each
 * cipher, and the peers that are asked for, one after the other in each round. Everything runs as the processes that ship, in network namespaces.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HostError } from '../../../host/model/host-error.ts';
import { extendSearchPath } from '../../lab/privileges.ts';
import { transfer } from '../../lab/traffic.ts';
import { type Bench, type BenchOptions, type BenchOutcome, BenchUsageError, WrongResult } from '../bench.ts';
import { onStage } from '../stage.ts';
import type { Contestant, Entrant } from './contestant.ts';
import { startReceiver } from './iperf.ts';
import { openvpn } from './openvpn.ts';
import { plain } from './plain.ts';
import { renderPathRows } from './report.ts';
import { measureRound, type Round } from './round.ts';
import { pathRows } from './rows.ts';
import { sekisho } from './sekisho.ts';
import { soak } from './soak.ts';
import { strongswan } from './strongswan.ts';
import { wireguardGo } from './wireguard-go.ts';
import { sightings, watch } from './witness.ts';

const entrants: readonly Entrant[] = [
  plain,
  sekisho('chacha20poly1305'),
  sekisho('aes128gcm16'),
  sekisho('aes256gcm16'),
  sekisho('chacha20poly1305', 'raw'),
  strongswan('aes128gcm16'),
  wireguardGo,
  openvpn,
];

/** What `--peers` takes. */
export const pathPeers = ['strongswan', 'wireguard-go', 'openvpn'] as const;

const rounds = 3;
const hashedOctets = 64 * 1024 * 1024;
const setup = fileURLToPath(new URL('../../setup.mjs', import.meta.url));

export const pathBench: Bench = {
  names: entrants.map(({ name }) => name),
  peers: pathPeers,
  async run({ only, seconds, progress, peers = [], wire, soakMinutes }: BenchOptions): Promise<BenchOutcome> {
    refuseWithoutMeans();
    const chosen = entrants.filter(
      ({ name, side }) =>
        (only === undefined || only.includes(name)) &&
        (side === null || side === 'ours' || peers.includes(side)),
    );
    try {
      if (soakMinutes !== undefined) return await soak(soakMinutes, progress);
      const measured = await onStages(chosen, wire, progress, (contestants) =>
        inTurns(contestants, seconds, wire, progress),
      );
      const rows = pathRows(
        chosen.map((entrant, index) => ({ entrant, rounds: measured[index] ?? [] })),
        wire,
      );
      return { rows, text: renderPathRows(rows, wire) };
    } catch (error) {
      if (error instanceof HostError) throw new BenchUsageError(error.message);
      throw error;
    }
  },
};

/** Namespaces take root; Debian's packages are installed where they are missing, which the set-up says. */
function refuseWithoutMeans(): void {
  extendSearchPath();
  if (process.getuid?.() !== 0) throw new BenchUsageError('path: expected root, for network namespaces');
  const { status } = spawnSync(process.execPath, [setup, 'bench-path'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new BenchUsageError('path: something is missing, see above');
}

/** Stands every contestant up in a network of its own, beside each other, and runs `work`. */
async function onStages(
  waiting: readonly Entrant[],
  wire: boolean,
  progress: (line: string) => void,
  work: (contestants: readonly Contestant[]) => Promise<Round[][]>,
  ready: readonly Contestant[] = [],
): Promise<Round[][]> {
  const [entrant, ...others] = waiting;
  if (entrant === undefined) return await work(ready);
  progress(`starting ${entrant.name}`);
  return await onStage(
    `path${ready.length}`,
    progress,
    async (stage) => {
      watch(stage);
      const started = await entrant.start(stage);
      await startReceiver(stage);
      try {
        return await onStages(others, wire, progress, work, [
          ...ready,
          { name: entrant.name, stage, ...started },
        ]);
      } finally {
        started.letGo?.();
      }
    },
    { bundlesOnTheInternet: !wire },
  );
}

async function inTurns(
  contestants: readonly Contestant[],
  seconds: number,
  wire: boolean,
  progress: (line: string) => void,
): Promise<Round[][]> {
  const measured = contestants.map((): Round[] => []);
  for (const contestant of contestants) await checkOctets(contestant);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const index = (round + turn) % contestants.length;
      const contestant = contestants[index];
      if (contestant === undefined) continue;
      progress(`round ${round + 1} of ${rounds}: ${contestant.name}`);
      measured[index]?.push(await measureRound(contestant, seconds));
    }
  }
  for (const contestant of contestants) checkSightings(contestant, wire);
  return measured;
}

/** Octets that arrive otherwise than they were sent make speed meaningless. */
async function checkOctets({ name, stage }: Contestant): Promise<void> {
  const { sha256Matches } = await transfer(stage.processes, ...stage.sites, hashedOctets);
  if (!sha256Matches) throw new WrongResult('transfer', name, 'the hashes at the two ends differ');
}

function checkSightings({ name, stage, pids }: Contestant, wire: boolean): void {
  const { cleartext, oversize } = sightings(stage);
  if (cleartext > 0 && pids.length > 0)
    throw new WrongResult('path', name, `${cleartext} packets crossed in clear`);
  if (oversize > 0 && wire)
    throw new WrongResult('path', name, `${oversize} packets were longer than the wire takes`);
}
