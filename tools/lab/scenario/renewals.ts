/**
 * Forced renewals under a continuous numbered flow in both directions, asked for at both ends in turn. Every datagram
 * arrives, none crosses in clear, and no SA uses an initialisation vector twice: the capture says so, not the routers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readSad, renew } from '../control.ts';
import { type Outcome, shortfalls } from '../report.ts';
import type { Site } from '../topology-plan.ts';
import { startFlow } from '../traffic.ts';
import { type Scene, sitesOf } from './scene.ts';

const renewalsWanted = 200;
const datagramsPerSecond = 500;
const renewedWithinMs = 10_000;

export async function renewals(scene: Scene): Promise<Outcome> {
  const { plan, processes, fleet, capture } = scene;
  const { tokyo, osaka } = sitesOf(plan);
  scene.say(
    `renewals: ${renewalsWanted} forced ones under a flow of ${datagramsPerSecond} datagrams a second each way`,
  );
  await capture.settle();
  const before = capture.census.counts();
  const known = new Set(capture.census.securityAssociations().map(({ to, spi }) => `${to} ${spi}`));
  const flow = await startFlow(processes, tokyo, osaka, datagramsPerSecond);
  const ends = [
    { socket: fleet.routerSocket(tokyo), entry: entryFor(osaka) },
    { socket: fleet.routerSocket(osaka), entry: entryFor(tokyo) },
  ] as const;
  let count = 0;
  for (; count < renewalsWanted; count++) {
    const asking = ends[count % 2 === 0 ? 0 : 1];
    const old = await Promise.all(ends.map(({ socket, entry }) => pairInUse(socket, entry)));
    await renew(asking.socket, asking.entry);
    const renewed = await Promise.all(ends.map((end, index) => isReplaced(end, old[index])));
    if (renewed.includes(false)) break;
    if ((count + 1) % 50 === 0) scene.say(`renewals: ${count + 1} done`);
  }
  const result = await flow.stop();
  await capture.settle();
  const after = capture.census.counts();
  const fresh = capture.census.securityAssociations().filter(({ to, spi }) => !known.has(`${to} ${spi}`));
  const finding = {
    count,
    lost: result.lost,
    cleartextPackets: after.cleartext - before.cleartext,
    sent: result.sent,
    duplicates: result.duplicates,
    espPackets: after.esp - before.esp,
    repeatedIvs: after.repeatedIvs - before.repeatedIvs,
    repeatedSequences: after.repeatedSequences - before.repeatedSequences,
    securityAssociationsSeen: fresh.length,
    longestGapMilliseconds: result.longestGapMs,
  };
  return {
    finding: { renewals: finding },
    shortfalls: shortfalls(
      [count === renewalsWanted, `renewals: number ${count + 1} of ${renewalsWanted} was not done in time`],
      [
        result.lost === 0,
        `renewals: ${result.lost} of ${result.sent} datagrams lost (${result.missing.join('; ')})`,
      ],
      [result.duplicates === 0, `renewals: ${result.duplicates} datagrams delivered twice`],
      [finding.cleartextPackets === 0, `renewals: ${finding.cleartextPackets} packets crossed in clear`],
      [finding.repeatedIvs === 0, `renewals: ${finding.repeatedIvs} (key, IV) pairs were used twice`],
      [
        finding.repeatedSequences === 0,
        `renewals: ${finding.repeatedSequences} sequence numbers were used twice`,
      ],
      [
        finding.espPackets >= result.sent,
        `renewals: ${result.sent} datagrams, but ${finding.espPackets} ESP packets`,
      ],
    ),
  };
}

/** Name of the SPD entry that leads to a site's IPv4 network, as configuration.ts writes it. */
export function entryFor(peer: Site): string {
  return `to-${peer.name}`;
}

/** The pair through which the entry's packets go out now. */
export async function pairInUse(socket: string, entry: string): Promise<number | undefined> {
  const rows = await readSad(socket);
  return rows.find((row) => row.entry === entry && row.direction === 'outbound' && row.state === 'in use')
    ?.pair;
}

async function isReplaced(
  end: { readonly socket: string; readonly entry: string },
  old: number | undefined,
): Promise<boolean> {
  const deadline = performance.now() + renewedWithinMs;
  for (;;) {
    const now = await pairInUse(end.socket, end.entry);
    if (now !== undefined && now !== old) return true;
    if (performance.now() > deadline) return false;
    await sleep(5);
  }
}
