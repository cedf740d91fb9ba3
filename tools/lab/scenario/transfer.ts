/** A TCP transfer between hosts, hashed at both ends, while a capture on the internet's links counts what crosses. */
import { type Outcome, shortfalls } from '../report.ts';
import { transfer as transferOctets } from '../traffic.ts';
import { type Scene, sitesOf } from './scene.ts';

export const transferOctetsWanted = 64 * 1024 * 1024;

/** The largest packet holds less than this of the stream, so at least so many must have crossed. */
const octetsPerPacketMax = 1460;

const withinMs = 60_000;
/** Emulated processors do some megabits a second, and less on a busy machine. */
const withGuestsWithinMs = 600_000;

export async function transfer(scene: Scene): Promise<Outcome> {
  const { plan, processes, capture, fleet } = scene;
  const { tokyo, osaka } = sitesOf(plan);
  scene.say('transfer: 64 MiB over TCP from tokyo to osaka');
  await capture.settle();
  const before = capture.census.counts();
  const result = await transferOctets(
    processes,
    tokyo,
    osaka,
    transferOctetsWanted,
    fleet.guests.size > 0 ? withGuestsWithinMs : withinMs,
  );
  await capture.settle();
  const after = capture.census.counts();
  const finding = {
    bytes: result.octets,
    sha256Matches: result.sha256Matches,
    megabitsPerSecond: result.megabitsPerSecond,
    espPackets: after.esp - before.esp,
    ahPackets: after.ah - before.ah,
    cleartextPackets: after.cleartext - before.cleartext,
    repeatedIvs: after.repeatedIvs - before.repeatedIvs,
  };
  const fewest = Math.ceil(transferOctetsWanted / octetsPerPacketMax);
  return {
    finding: { transfer: finding },
    shortfalls: shortfalls(
      [
        finding.bytes === transferOctetsWanted,
        `transfer: ${finding.bytes} of ${transferOctetsWanted} octets arrived`,
      ],
      [finding.sha256Matches, 'transfer: the hashes at the two ends differ'],
      [
        finding.espPackets + finding.ahPackets >= fewest,
        `transfer: the capture counted ${finding.espPackets} ESP and ${finding.ahPackets} AH packets, expected at least ${fewest}`,
      ],
      [finding.cleartextPackets === 0, `transfer: ${finding.cleartextPackets} packets crossed in clear`],
      [finding.repeatedIvs === 0, `transfer: ${finding.repeatedIvs} initialisation vectors were used twice`],
    ),
  };
}
