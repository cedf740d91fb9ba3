/**
 * Addresses that change while hosts talk: that of a NAT before a router, and that of a router itself. The SAs go on, the channel is
 * not set up anew, and what is lost is what was sent before the other end could know.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readRouterStatus, readSad } from '../control.ts';
import { insideNamespace, namespacePrefix, runCommand } from '../namespaces.ts';
import { type Scene, sitesOf } from '../scenario/scene.ts';
import type { Site } from '../topology-plan.ts';
import { ping, startFlow } from '../traffic.ts';

export interface Move {
  readonly what: string;
  readonly sent: number;
  readonly lost: number;
  readonly longestGapMilliseconds: number;
  /** The SPIs in use at both ends are those of before. */
  readonly sameSas: boolean;
  /** Set-ups of the moved router's channel during the move. */
  readonly channelSetUps: number;
}

export interface MovesReport {
  readonly version: 1;
  readonly moves: readonly Move[];
  readonly cleartextPackets: number;
  readonly shortfalls: readonly string[];
  readonly ok: boolean;
}

const packetsPerSecond = 50;
const beforeMs = 3000;
/** The silence after which a router asks its server, and with it the time in which a NAT's move is noticed, is 10 s. */
const afterMs = 15_000;
/** A look at the addresses each second, and the way to the server and the peer. */
const ownMoveGapMs = 2500;
const natMoveGapMs = 12_000;

export async function runMoves(scene: Scene): Promise<MovesReport> {
  const { tokyo, osaka, nagoya } = sitesOf(scene.plan);
  const moves: Move[] = [];
  const shortfalls: string[] = [];
  const tryMove = async (
    what: string,
    a: Site,
    b: Site,
    mostGapMs: number,
    change: () => void,
  ): Promise<void> => {
    const move = await measure(scene, what, a, b, change);
    moves.push(move);
    scene.say(
      `${what}: ${move.lost} of ${move.sent} lost, longest gap ${move.longestGapMilliseconds} ms, ` +
        `SAs ${move.sameSas ? 'as before' : 'OTHERS'}, ${move.channelSetUps} new channels`,
    );
    if (!move.sameSas) shortfalls.push(`${what}: new SAs were set up`);
    if (move.channelSetUps > 0) shortfalls.push(`${what}: the channel was set up anew`);
    if (move.longestGapMilliseconds > mostGapMs)
      shortfalls.push(
        `${what}: nothing for ${move.longestGapMilliseconds} ms, expected ${mostGapMs} at most`,
      );
  };
  // Processes that have just started still rehearse.
  await sleep(5000);
  const natOfTokyo = 'tokyo-nat';
  await tryMove('NAT before tokyo, peer without NAT', tokyo, nagoya, ownMoveGapMs, () =>
    changeAddress(scene, natOfTokyo, 'outside0', '198.51.100.20/25', '198.51.100.1'),
  );
  await tryMove('NAT before tokyo, peer behind a strict NAT', tokyo, osaka, natMoveGapMs, () =>
    changeAddress(scene, natOfTokyo, 'outside0', '198.51.100.30/25', '198.51.100.1'),
  );
  await tryMove('nagoya itself, peer behind a NAT', nagoya, tokyo, ownMoveGapMs, () =>
    changeAddress(scene, nagoya.name, 'wan0', '203.0.113.150/25', '203.0.113.129'),
  );
  await tryMove('nagoya itself, peer behind a strict NAT', nagoya, osaka, ownMoveGapMs, () =>
    changeAddress(scene, nagoya.name, 'wan0', '203.0.113.160/25', '203.0.113.129'),
  );
  await scene.capture.settle();
  const { cleartext } = scene.capture.census.counts();
  await scene.capture.stop();
  if (cleartext > 0) shortfalls.push(`${cleartext} packets crossed in clear`);
  return { version: 1, moves, cleartextPackets: cleartext, shortfalls, ok: shortfalls.length === 0 };
}

async function measure(scene: Scene, what: string, a: Site, b: Site, change: () => void): Promise<Move> {
  const { fleet, processes } = scene;
  await ping(processes, a, b.hostAddress);
  const spis = async () =>
    (await readSad(fleet.routerSocket(a)))
      .filter(({ entry }) => entry === `to-${b.name}`)
      .map(({ spi }) => spi)
      .sort();
  const setUps = async () => Number((await readRouterStatus(fleet.routerSocket(a))).channel.setUps);
  const before = { spis: await spis(), setUps: await setUps() };
  const flow = await startFlow(processes, a, b, packetsPerSecond);
  await sleep(beforeMs);
  change();
  await sleep(afterMs);
  const result = await flow.stop();
  return {
    what,
    sent: result.sent,
    lost: result.lost,
    longestGapMilliseconds: result.longestGapMs,
    sameSas: JSON.stringify(await spis()) === JSON.stringify(before.spis),
    channelSetUps: (await setUps()) - before.setUps,
  };
}

/** Takes every IPv4 address of a device away and gives it another one, with the default route that it had. */
function changeAddress(
  { lab }: Scene,
  namespace: string,
  device: string,
  address: string,
  gateway: string,
): void {
  const lines = [
    `address flush dev ${device} scope global`,
    `address add ${address} dev ${device}`,
    `route replace default via ${gateway}`,
  ];
  runCommand(
    insideNamespace(namespacePrefix(lab) + namespace, ['ip', '-4', '-batch', '-']),
    `${lines.join('\n')}\n`,
  );
}
