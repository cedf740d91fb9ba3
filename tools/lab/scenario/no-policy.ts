/**
 * A pair for which the server has no distribution policy: the host hears at once that it is prohibited, `status` says why,
 * and a host that keeps trying does not make its router keep asking.
 */
import { readRouterStatus } from '../control.ts';
import { type Outcome, shortfalls } from '../report.ts';
import { ping } from '../traffic.ts';
import { entryFor } from './renewals.ts';
import { type Scene, sitesOf } from './scene.ts';

const furtherTries = 20;
const tryIntervalMs = 100;
/** The tries take 2 s; the first back-off is 5 s. */
const requestsAllowed = 1;

export async function noPolicy(scene: Scene): Promise<Outcome> {
  const { plan, processes, fleet } = scene;
  const { osaka, nagoya } = sitesOf(plan);
  scene.say('no policy: ping from osaka to nagoya, a pair that the server knows nothing about');
  const socket = fleet.routerSocket(osaka);
  const before = Number((await readRouterStatus(socket)).messages['request sent'] ?? 0);
  const first = await ping(processes, osaka, nagoya.hostAddress, { waitSeconds: 3 });
  const further = await ping(processes, osaka, nagoya.hostAddress, {
    count: furtherTries,
    intervalMs: tryIntervalMs,
    waitSeconds: 1,
  });
  const status = await readRouterStatus(socket);
  const requests = Number(status.messages['request sent'] ?? 0) - before;
  const reason = status.entries.find((entry) => entry.name === entryFor(nagoya))?.failure ?? null;
  // ping's words for type 3, code 13.
  const isProhibited = first.errors.some((error) => /packet filtered|prohibited/i.test(error));
  const icmp = isProhibited ? 'administratively-prohibited' : (first.errors[0] ?? null);
  return {
    finding: { noPolicy: { icmp, reason, tries: 1 + furtherTries, requests } },
    shortfalls: shortfalls(
      [
        isProhibited,
        `no policy: the host saw ${icmp ?? 'no ICMP error'}, expected administratively prohibited`,
      ],
      [
        reason === 'no corresponding entry',
        `no policy: status says ${reason}, expected no corresponding entry`,
      ],
      [first.replies + further.replies === 0, 'no policy: a ping was answered all the same'],
      [
        requests <= requestsAllowed,
        `no policy: ${requests} requests for ${1 + furtherTries} packets, expected ${requestsAllowed}`,
      ],
    ),
  };
}
