/** iperf3 from host to host. */
import { z } from 'zod';
import { HostError } from '../../../host/model/host-error.ts';
import { hostOf } from '../../lab/topology-plan.ts';
import type { Stage } from '../stage.ts';

/** Octets of an IP packet with 64, beyond its headers. */
const smallPayload = 64 - 20 - 8;
const pacedPort = 5202;

const reportSchema = z.object({
  error: z.string().optional(),
  end: z
    .object({
      sum_received: z.object({ bits_per_second: z.number() }).optional(),
      sum: z.object({ packets: z.number(), lost_packets: z.number(), seconds: z.number() }).optional(),
    })
    .optional(),
});

/** Starts the receiving end at the second site's host; it stays. */
export async function startReceiver({ processes, sites }: Stage): Promise<void> {
  await processes.start(hostOf(sites[1]), 'iperf3-server', ['iperf3', '-s']);
  // One of them serves one at a time.
  await processes.start(hostOf(sites[1]), 'iperf3-server-paced', ['iperf3', '-s', '-p', String(pacedPort)]);
}

/** Bits a second of one TCP stream, from the first site to the second, or back with `reverse`. Throws HostError. */
export async function tcp(stage: Stage, seconds: number, reverse: boolean): Promise<number> {
  const end = await iperf(stage, ['-t', String(seconds), '-O', '0.5', ...(reverse ? ['-R'] : [])]);
  return end.sum_received?.bits_per_second ?? Number.NaN;
}

/** UDP packets of 64 octets a second that arrive while the sender sends what it can. Throws HostError. */
export async function smallPackets(stage: Stage, seconds: number): Promise<number> {
  const end = await iperf(stage, ['-u', '-b', '0', '-l', String(smallPayload), '-t', String(seconds)]);
  if (end.sum === undefined) return Number.NaN;
  return (end.sum.packets - end.sum.lost_packets) / end.sum.seconds;
}

/** Of 250 packets a second, a flow that no queue is full of: how many were sent, and how many were lost. Throws HostError. */
export async function paced(stage: Stage, seconds: number): Promise<{ packets: number; lost: number }> {
  const more = ['-p', String(pacedPort), '-u', '-b', '200K', '-l', '100', '-t', String(seconds)];
  const { sum } = await iperf(stage, more);
  return { packets: sum?.packets ?? Number.NaN, lost: sum?.lost_packets ?? Number.NaN };
}

async function iperf({ processes, sites }: Stage, args: readonly string[]) {
  const [from, to] = sites;
  const output = await processes.run(
    hostOf(from),
    'iperf3',
    ['iperf3', '-J', '-c', to.hostAddress, '--connect-timeout', '5000', ...args],
    true,
  );
  const { error, end } = reportSchema.parse(JSON.parse(output));
  if (error !== undefined || end === undefined) throw new HostError('PLATFORM', `iperf3: ${error ?? output}`);
  return end;
}
