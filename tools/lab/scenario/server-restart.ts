/**
 * The setting server is killed and started again while traffic flows: SAs in place carry it as if nothing had happened, and
 * a kind of communication that has no SA yet gets one as soon as the server is back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { telephonyPort } from '../configuration.ts';
import { type Outcome, shortfalls } from '../report.ts';
import { server } from '../topology-plan.ts';
import { probe, startEcho, startFlow } from '../traffic.ts';
import { type Scene, sitesOf } from './scene.ts';

const downMs = 1000;
const flowRate = 500;
const newRequestWithinMs = 10_000;

export async function serverRestart(scene: Scene): Promise<Outcome> {
  const { plan, processes, fleet, capture } = scene;
  const { tokyo, osaka } = sitesOf(plan);
  scene.say(
    'server restart: kill -9 under a flow, a second of silence, then a new start and a new kind of traffic',
  );
  const echo = await startEcho(processes, osaka, [osaka.hostAddress], telephonyPort);
  await capture.settle();
  const before = capture.census.counts();
  const flow = await startFlow(processes, tokyo, osaka, flowRate);
  await sleep(500);
  await fleet.kill(server);
  await sleep(downMs);
  const startedAt = performance.now();
  await fleet.startServer();
  const pair = [tokyo.hostAddress, osaka.hostAddress] as const;
  const [answer] = await probe(processes, tokyo, [pair], newRequestWithinMs, telephonyPort);
  const newRequestMilliseconds =
    answer === null || answer === undefined ? null : Math.round(performance.now() - startedAt);
  await fleet.waitUntilUp();
  const result = await flow.stop();
  echo.signal('SIGTERM');
  await capture.settle();
  const cleartextPackets = capture.census.counts().cleartext - before.cleartext;
  return {
    finding: {
      serverRestart: { lost: result.lost, newRequestMilliseconds, sent: result.sent, cleartextPackets },
    },
    shortfalls: shortfalls(
      [
        result.lost === 0,
        `server restart: ${result.lost} of ${result.sent} datagrams lost through SAs in place`,
      ],
      [
        newRequestMilliseconds !== null,
        `server restart: no new SA within ${newRequestWithinMs / 1000} s of the server's start`,
      ],
      [cleartextPackets === 0, `server restart: ${cleartextPackets} packets crossed in clear`],
    ),
  };
}
