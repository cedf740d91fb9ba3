/** What is measured of one contestant in one round. */
import { HostError } from '../../../host/model/host-error.ts';
import { cpuTimeMs } from '../../lab/cpu-time.ts';
import { hostOf } from '../../lab/topology-plan.ts';
import { median } from '../statistics.ts';
import type { Contestant } from './contestant.ts';
import { smallPackets, tcp } from './iperf.ts';

export interface Round {
  /** One TCP stream, from the first site to the second and back. */
  readonly gigabits: number;
  readonly gigabitsBack: number;
  /** Packets of 64 octets, thousands a second. */
  readonly smallThousands: number;
  /** Round trips of the host's ping with nothing else under way. */
  readonly roundTripMs: number;
  readonly roundTripP99Ms: number;
  /** Processor time of both routers for each gigabit of TCP. */
  readonly cpuMsPerGigabit: number;
}

const pings = 400;
const pingIntervalSeconds = 0.005;

/** Measures for about four times `seconds`. Throws HostError. */
export async function measureRound(contestant: Contestant, seconds: number): Promise<Round> {
  const { stage, pids } = contestant;
  const roundTrips = await idleRoundTrips(contestant);
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuTimeMs(pid), 0);
  const before = cpu();
  const begun = performance.now();
  const forth = await tcp(stage, seconds, false);
  const back = await tcp(stage, seconds, true);
  const spent = cpu() - before;
  const elapsed = (performance.now() - begun) / 1000;
  return {
    gigabits: forth / 1e9,
    gigabitsBack: back / 1e9,
    smallThousands: (await smallPackets(stage, seconds)) / 1000,
    roundTripMs: median(roundTrips),
    roundTripP99Ms: roundTrips[Math.floor(roundTrips.length * 0.99)] ?? Number.NaN,
    // iperf3 leaves its first moments out of the speed, not out of the work.
    cpuMsPerGigabit: spent / (((forth + back) / 2e9) * elapsed),
  };
}

/** In order, shortest first. */
async function idleRoundTrips({ name, stage }: Contestant): Promise<number[]> {
  const [from, to] = stage.sites;
  const output = await stage.processes.run(hostOf(from), 'ping', [
    ...['ping', '-n', '-c', String(pings), '-i', String(pingIntervalSeconds), to.hostAddress],
  ]);
  const times = [...output.matchAll(/ time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  if (times.length < pings)
    throw new HostError('PLATFORM', `${name}: ${pings - times.length} pings unanswered`);
  return times.sort((a, b) => a - b);
}
