/**
 * A board's own starts, as its router carries them out (host/router/board-start.ts), over the simulated disk and boot loader: versions
 * that work, that stop without a word, that never reach the server; and power that is cut at each write of all that.
 */
import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StateStore } from '../../../host/flash/state.ts';
import { BoardStart } from '../../../host/router/board-start.ts';
import type { SlotName } from '../../../host/slots/slot.ts';
import {
  readVersionUpRecord,
  type VersionUpRecord,
  writeVersionUpRecord,
} from '../../../host/slots/version-up-record.ts';
import { BoardWorld, opened } from './board-world.ts';

type Behaviour =
  /** Panics, or hangs until the watchdog resets the board. */
  | 'silent'
  /** Runs, and its router never reaches the server. */
  | 'unreachable'
  | 'well';

let behaviours: Record<number, Behaviour>;
let kept: Map<string, Uint8Array>;
const state: StateStore = {
  read: (name) => kept.get(name),
  write: (name, content) => void kept.set(name, Uint8Array.from(content)),
};
const record = (): VersionUpRecord | undefined => readVersionUpRecord(state);

beforeEach(() => {
  behaviours = { 1: 'well' };
  kept = new Map();
});

/** Fails the write of this number to the state or the disk, as if power went there. */
let writesLeft = Number.POSITIVE_INFINITY;

/** One start of the board, until it is settled or starts anew. Returns the version that ran, and whether it stays up. */
async function start(world: BoardWorld): Promise<{ version: number; isUp: boolean; slot: SlotName }> {
  bootId += 1;
  return startRouter(world, world.start().chosen);
}

/** As the kernel would name it. */
let bootId = 0;

/** The router's process alone, which whoever watches it starts again when it ends. */
async function startRouter(
  world: BoardWorld,
  slot: SlotName,
): Promise<{ version: number; isUp: boolean; slot: SlotName }> {
  const version = world.versionIn(slot) ?? 0;
  const behaviour = behaviours[version];
  if (behaviour === 'silent') return { version, isUp: false, slot };
  let now = 20_000;
  let wakeAt: number | undefined;
  let isRestarted = false;
  const spend = (): void => {
    if (writesLeft-- <= 0) throw new PowerCut();
  };
  const board = new BoardStart({
    running: slot,
    openBoot: () => {
      const device = opened(world.boot);
      return {
        ...device,
        writeSector: (at, octets) => {
          spend();
          device.writeSector(at, octets);
        },
      };
    },
    state: {
      ...state,
      write: (name, content) => {
        spend();
        state.write(name, content);
      },
    },
    version: `${version}.0.0`,
    bootId: String(bootId),
    now: () => now,
    utcNow: () => 1_795_000_000_000,
    wakeAt: (at) => {
      wakeAt = at;
    },
    selfTest: () =>
      Promise.resolve(behaviour === 'well' ? { ok: true } : { ok: false, reason: 'no channel within 10 s' }),
    onRecord: () => {},
    restart: () => {
      isRestarted = true;
    },
    log: pino({ level: 'silent' }),
  });
  board.begin(300);
  board.isWell();
  while (wakeAt !== undefined && !isRestarted) {
    now = Math.max(now, wakeAt);
    board.deadline();
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  }
  return { version, isUp: !isRestarted, slot };
}

class PowerCut extends Error {}

/** Starts the board until it stays up, at most so often. */
async function settle(
  world: BoardWorld,
  most = 8,
): Promise<{ version: number; starts: number; slot: SlotName }> {
  for (let starts = 1; starts <= most; starts++) {
    const { version, isUp, slot } = await start(world);
    if (isUp) return { version, starts, slot };
  }
  throw new Error(`the board did not come up in ${most} starts`);
}

/** As host/release/version-up.ts does it. */
function versionUp(world: BoardWorld, running: SlotName, version: number): void {
  const slot = running === 'a' ? 'b' : 'a';
  const record = { version: `${version}.0.0`, slot, stage: 'trial', reason: '', at: 1 } as const;
  writeVersionUpRecord(state, { ...record, bootId: String(bootId) });
  world.versionUp(running, version);
}

describe('a board', () => {
  it('keeps a version that passes its self-test', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'well';
    await settle(world);
    expect(record()).toBeUndefined();
    versionUp(world, 'a', 2);
    expect(await settle(world)).toEqual({ version: 2, starts: 1, slot: 'b' });
    expect(record()).toMatchObject({ version: '2.0.0', slot: 'b', stage: 'confirmed', reason: '' });
    for (let round = 0; round < 5; round++) expect((await settle(world)).version).toBe(2);
    expect(record()).toMatchObject({ stage: 'confirmed' });
  });

  it('still tries it when the router alone was started again before the machine', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'well';
    await settle(world);
    versionUp(world, 'a', 2);
    for (let time = 0; time < 2; time++) await startRouter(world, 'a');
    expect(record()).toMatchObject({ stage: 'trial', version: '2.0.0', slot: 'b' });
    expect(await settle(world)).toEqual({ version: 2, starts: 1, slot: 'b' });
    expect(record()).toMatchObject({ stage: 'confirmed' });
  });

  it('goes back from one that stops without a word, and knows how often it was started', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'silent';
    versionUp(world, 'a', 2);
    expect(await settle(world)).toEqual({ version: 1, starts: 4, slot: 'a' });
    expect(record()).toMatchObject({
      version: '2.0.0',
      slot: 'b',
      stage: 'reverted',
      reason: '3 starts of it ended without a word: it stopped or hung before it could be judged',
    });
    expect((await settle(world)).starts).toBe(1);
  });

  it('goes back from one that does not reach the server, with its own reason', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'unreachable';
    versionUp(world, 'a', 2);
    expect(await settle(world)).toEqual({ version: 1, starts: 2, slot: 'a' });
    expect(record()).toMatchObject({
      version: '2.0.0',
      slot: 'b',
      stage: 'reverted',
      reason: 'not well within 300 s of its start: no channel within 10 s',
    });
  });

  it('goes to the other slot when a confirmed version breaks later, and stays there', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'well';
    versionUp(world, 'a', 2);
    await settle(world);
    behaviours[2] = 'silent';
    expect(await settle(world)).toEqual({ version: 1, starts: 4, slot: 'a' });
    expect(record()).toMatchObject({
      version: '2.0.0',
      slot: 'b',
      stage: 'reverted',
      reason: 'slot b did not come up any more; slot a was started in its place',
    });
    expect(await settle(world)).toEqual({ version: 1, starts: 1, slot: 'a' });
  });

  it('is not led astray by power that goes again and again before it is well', async () => {
    const world = BoardWorld.fromFactory();
    for (let round = 0; round < 20; round++) {
      world.start();
      world.start();
      expect((await settle(world)).version).toBe(1);
    }
  });

  it.each(['well', 'silent', 'unreachable'] as const)(
    'ends up with one version and the right record, wherever power is cut (version 2: %s)',
    async (behaviour) => {
      let cuts = 0;
      for (let first = 0; first < 14; first++) {
        for (let second = 0; second < 6; second++) {
          beforeEachCut();
          const world = BoardWorld.fromFactory();
          behaviours[2] = behaviour;
          versionUp(world, 'a', 2);
          for (const left of [first, second]) {
            writesLeft = left;
            await settle(world).catch(() => undefined);
            if (writesLeft < 0) cuts++;
          }
          writesLeft = Number.POSITIVE_INFINITY;
          const { version } = await settle(world);
          expect((await settle(world)).starts).toBe(1);
          const stage = record()?.stage;
          if (behaviour !== 'well') expect([version, stage]).toEqual([1, 'reverted']);
          // Interrupted twice, it may be out of tries.
          else expect([`${version} ${stage}`]).toContain(version === 2 ? '2 confirmed' : '1 reverted');
        }
      }
      expect(cuts).toBeGreaterThan(20);
    },
  );
});

function beforeEachCut(): void {
  kept = new Map();
  behaviours = { 1: 'well' };
  writesLeft = Number.POSITIVE_INFINITY;
}
