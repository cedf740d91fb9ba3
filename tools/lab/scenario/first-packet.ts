/**
 * The first packet: one ping between hosts whose routers have no SA. It is held, goes out when the setting arrives, and
 * the reply is back within milliseconds. Then a burst over IPv6 to the third site that starts before its SAs exist: all of it arrives.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bootMinusWallMs } from '../clock.ts';
import { readEvents } from '../control.ts';
import { untilCalm } from '../cpu-time.ts';
import { type Outcome, shortfalls } from '../report.ts';
import { type SequenceRow, timeSequence } from '../time-sequence.ts';
import { ping } from '../traffic.ts';
import { outerNames, type Scene, sitesOf } from './scene.ts';

const limitMs = 10;
const burstPackets = 10;
const calmMs = 5000;
/** An emulated processor rehearses longer, and answers when it can. */
const guestWaitSeconds = 20;
/** Its rehearsals give way to packets: nobody has to wait for their end. */
const guestCalmWithinMs = 20_000;

export async function firstPacket(scene: Scene): Promise<Outcome> {
  const { plan, processes, fleet, capture } = scene;
  const { tokyo, osaka, nagoya } = sitesOf(plan);
  scene.say(`first packet: ping from ${tokyo.hostAddress} (tokyo) to ${osaka.hostAddress} (osaka)`);
  // Processes that have just started still rehearse, and V8 compiles for them; all of them share two processors here.
  await sleep(calmMs);
  const hasGuests = fleet.guests.size > 0;
  if (hasGuests)
    await untilCalm(
      [...fleet.guests].map((name) => fleet.pidOf(name)),
      guestCalmWithinMs,
    );
  const waitSeconds = hasGuests ? guestWaitSeconds : 5;
  // Hosts and their gateways know each other from other traffic; address resolution is not what is measured.
  for (const site of [tokyo, osaka]) await ping(processes, site, site.routerAddress);
  const isPreferred = fleet.preferOverOthers(true);
  await capture.settle();
  capture.census.takeSightings();
  capture.census.tracing = true;
  const result = await ping(processes, tokyo, osaka.hostAddress, { waitSeconds });
  fleet.preferOverOthers(false);
  await capture.settle();
  capture.census.tracing = false;
  const sightings = capture.census.takeSightings();
  const events: SequenceRow[] = [];
  if (result.sentAtMs !== undefined && result.repliedAtMs !== undefined) {
    const sockets = [fleet.serverSocket, ...fleet.reachable([tokyo, osaka])];
    const logs = await Promise.all(sockets.map(readEvents));
    events.push(
      ...timeSequence({
        sentAtMs: result.sentAtMs,
        repliedAtMs: result.repliedAtMs,
        sender: 'tokyo-host',
        events: logs.flat(),
        sightings,
        bootMinusWallMs: bootMinusWallMs(),
        names: outerNames(plan),
      }),
    );
  }
  const burst = await ping(processes, tokyo, nagoya.hostAddress6, {
    count: burstPackets,
    intervalMs: 1,
    waitSeconds,
  });
  const lost = (result.milliseconds === undefined ? 1 : 0) + burstPackets - burst.replies;
  const milliseconds = result.milliseconds ?? null;
  const finding = {
    milliseconds,
    lost,
    burst: { sent: burstPackets, received: burst.replies },
    priority: isPreferred ? ('real-time' as const) : ('ordinary' as const),
    events,
  };
  return {
    finding: { firstPacket: finding },
    shortfalls: shortfalls(
      [milliseconds !== null, `first packet: no reply to the ping; ping said: ${result.output.trim()}`],
      [
        milliseconds === null || milliseconds < limitMs || hasGuests,
        `first packet: ${milliseconds} ms, expected under ${limitMs}`,
      ],
      [
        burst.replies === burstPackets,
        `first packet: ${burst.replies} of ${burstPackets} pings of a burst came back`,
      ],
      [
        sightings.some(({ kind }) => kind === 'esp' || kind === 'ah'),
        'first packet: the capture saw neither ESP nor AH between the routers, so nothing was protected',
      ],
    ),
  };
}
