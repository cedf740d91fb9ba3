/** What is measured of one contestant in one round. */
import { HostError } from '../../../host/model/host-error.ts';
import { cpuTimeMs } from '../../lab/cpu-time.ts';
import { hostOf } from '../../lab/topology-plan.ts';
import { median } from '../statistics.ts';
import type { Contestant } from './contestant.ts';
import { type ControlSide, whileAsking } from './control-side.ts';
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
  /** Under all that load; of ours alone. */
  readonly control: ControlSide | null;
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
  let [forth, back, small, spent, elapsed] = [0, 0, 0, 0, 0];
  const control = await whileAsking(contestant.controlSockets ?? [], async () => {
    forth = await tcp(stage, seconds, false);
    back = await tcp(stage, seconds, true);
    spent = cpu() - before;
    elapsed = (performance.now() - begun) / 1000;
    small = await smallPackets(stage, seconds);
  });
  return {
    gigabits: forth / 1e9,
    gigabitsBack: back / 1e9,
    smallThousands: small / 1000,
    roundTripMs: median(roundTrips),
    roundTripP99Ms: roundTrips[Math.floor(roundTrips.length * 0.99)] ?? Number.NaN,
    // iperf3 leaves its first moments out of the speed, not out of the work.
    cpuMsPerGigabit: spent / (((forth + back) / 2e9) * elapsed),
    control,
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
