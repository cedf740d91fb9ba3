/**
 * A board's own starts, as its router carries them out (host/router/board-start.ts), over the simulated disk and boot loader: versions
 * that work, that stop without a word, that never reach the server; and power that is cut at each write of all that.
 */
import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StateStore } from '../../../host/flash/state.ts';
import { BoardStart } from '../../../host/router/board-start.ts';
import type { BootChoice } from '../../../host/slots/boot-choice.ts';
import { BootEnvironment } from '../../../host/slots/boot-environment.ts';
import type { SlotName } from '../../../host/slots/slot.ts';
import {
  readVersionUpRecord,
  type VersionUpRecord,
  writeVersionUpRecord,
} from '../../../host/slots/version-up-record.ts';
import { Prng } from '../../simulation/prng.ts';
import type { SimulatedDevice } from '../flash/simulated-device.ts';
import { BoardWorld, opened } from './board-world.ts';

type Behaviour =
  /** Panics, or hangs until the watchdog resets the board. */
  | 'silent'
  /** Runs, and its router never reaches the server. */
  | 'unreachable'
  | 'well';

let behaviours: Record<number, Behaviour>;
/** Small documents; each write of one is there or it is not (test/fault/flash/state.test.ts). */
let kept: Map<string, Uint8Array>;
const state: StateStore = {
  read: (name) => kept.get(name),
  write: (name, content) => void kept.set(name, Uint8Array.from(content)),
};
const record = (): VersionUpRecord | undefined => readVersionUpRecord(state);
/** As the kernel would name this start of the machine. */
let bootId = 0;

beforeEach(() => {
  behaviours = { 1: 'well' };
  kept = new Map();
  keptVersions = [];
});

/** Versions that were on trial, or a fall-back, and said that they are kept. */
let keptVersions: number[] = [];

/** How a start ended. */
interface Start {
  readonly version: number;
  readonly slot: SlotName;
  /** `down`: the next start follows. */
  readonly end: 'up' | 'down' | 'power lost';
}

/** One start of the board, until it is settled, starts anew or loses power. */
async function start(world: BoardWorld): Promise<Start> {
  bootId += 1;
  const { chosen } = world.start();
  if (world.boot.hasPower) return startRouter(world, chosen);
  return { version: 0, slot: chosen, end: 'power lost' };
}

/** The router's process alone, which whoever watches it starts again when it ends. */
async function startRouter(world: BoardWorld, slot: SlotName): Promise<Start> {
  const version = world.versionIn(slot) ?? 0;
  const behaviour = behaviours[version];
  if (behaviour === 'silent') return { version, slot, end: 'down' };
  const { boot } = world;
  let now = 20_000;
  let wakeAt: number | undefined;
  let isRestarted = false;
  let keptAs: [isKept: boolean, choice: BootChoice | undefined] | undefined;
  const board = new BoardStart({
    running: slot,
    openBoot: () => opened(boot),
    state: withPowerOf(boot),
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
    onKept: () => {
      if (boot.hasPower) keptAs = [board.isKept, new BootEnvironment(opened(boot)).choice];
      keptVersions.push(version);
    },
    restart: () => {
      isRestarted = true;
    },
    log: pino({ level: 'silent' }),
  });
  // Without power nothing is written or read any more: what the process still does is as if it had not.
  board.begin(300);
  if (boot.hasPower && board.isOnTrial) expect(board.isKept).toBe(false);
  if (boot.hasPower) board.isWell();
  while (boot.hasPower && wakeAt !== undefined && !isRestarted) {
    now = Math.max(now, wakeAt);
    board.deadline();
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  }
  // Whatever is written from then on for this version alone, the boot loader does not go back by itself.
  if (keptAs !== undefined) expect(keptAs).toMatchObject([true, { active: slot, trial: undefined }]);
  return { version, slot, end: boot.hasPower ? (isRestarted ? 'down' : 'up') : 'power lost' };
}

/** The state of a board that loses power as this device does: one of the writes that it still has is spent for each document. */
function withPowerOf(device: SimulatedDevice): StateStore {
  const needPower = (): void => {
    if (!device.hasPower) throw new Error('there is no power');
  };
  return {
    read: (name) => {
      needPower();
      return state.read(name);
    },
    write: (name, content) => {
      if (device.writesLeft === 0) device.hasPower = false;
      needPower();
      if (device.writesLeft !== undefined) device.writesLeft--;
      state.write(name, content);
    },
  };
}

/** Starts the board until it stays up or loses power, at most so often. */
async function settle(world: BoardWorld, most = 8): Promise<Start & { readonly starts: number }> {
  for (let starts = 1; starts <= most; starts++) {
    const one = await start(world);
    if (one.end !== 'down') return { ...one, starts };
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
    expect(await settle(world)).toMatchObject({ version: 2, starts: 1, slot: 'b' });
    expect(record()).toMatchObject({ version: '2.0.0', slot: 'b', stage: 'confirmed', reason: '' });
    expect(keptVersions).toEqual([2]);
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
    expect(await settle(world)).toMatchObject({ version: 2, starts: 1, slot: 'b' });
    expect(record()).toMatchObject({ stage: 'confirmed' });
  });

  it('goes back from one that stops without a word, and knows how often it was started', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'silent';
    versionUp(world, 'a', 2);
    expect(await settle(world)).toMatchObject({ version: 1, starts: 4, slot: 'a' });
    expect(record()).toMatchObject({
      version: '2.0.0',
      slot: 'b',
      stage: 'reverted',
      reason: '3 starts of it ended without a word: it stopped or hung before it could be judged',
    });
    expect((await settle(world)).starts).toBe(1);
    expect(keptVersions).toEqual([]);
  });

  it('goes back from one that does not reach the server, with its own reason', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'unreachable';
    versionUp(world, 'a', 2);
    expect(await settle(world)).toMatchObject({ version: 1, starts: 2, slot: 'a' });
    expect(record()).toMatchObject({
      version: '2.0.0',
      slot: 'b',
      stage: 'reverted',
      reason: 'not well within 300 s of its start: no channel within 10 s',
    });
    expect(keptVersions).toEqual([]);
  });

  it('goes to the other slot when a confirmed version breaks later, and stays there', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'well';
    versionUp(world, 'a', 2);
    await settle(world);
    behaviours[2] = 'silent';
    expect(await settle(world)).toMatchObject({ version: 1, starts: 4, slot: 'a' });
    expect(record()).toMatchObject({
      version: '2.0.0',
      slot: 'b',
      stage: 'reverted',
      reason: 'slot b did not come up any more; slot a was started in its place',
    });
    expect(keptVersions).toEqual([2, 1]);
    expect(await settle(world)).toMatchObject({ version: 1, starts: 1, slot: 'a' });
  });

  it('is not led astray by power that goes again and again before it is well', async () => {
    const world = BoardWorld.fromFactory();
    behaviours[2] = 'well';
    versionUp(world, 'a', 2);
    await settle(world);
    for (let round = 0; round < 20; round++) {
      world.start();
      world.start();
      expect((await settle(world)).version).toBe(2);
    }
  });

  it.each(['well', 'silent', 'unreachable'] as const)(
    'ends up with one version and the right record, wherever power is cut (version 2: %s)',
    async (behaviour) => {
      const prng = new Prng(20261127);
      const landings = [() => true, () => false, () => prng.chance(0.5)];
      let cuts = 0;
      for (const landed of landings) {
        for (let first = 0, isFirstCut = true; isFirstCut; first++) {
          for (let second = 0, isSecondCut = true; isSecondCut; second++) {
            kept = new Map();
            const begun = BoardWorld.fromFactory();
            behaviours[2] = behaviour;
            versionUp(begun, 'a', 2);
            let world = begun;
            const cut = async (writes: number): Promise<boolean> => {
              world.boot.writesLeft = writes;
              const { end } = await settle(world);
              world = world.each((device) => device.afterPowerCut(landed));
              if (end === 'power lost') cuts++;
              return end === 'power lost';
            };
            isFirstCut = await cut(first);
            isSecondCut = await cut(second);
            const { version } = await settle(world);
            expect((await settle(world)).starts).toBe(1);
            const stage = record()?.stage;
            if (behaviour !== 'well') expect([version, stage]).toEqual([1, 'reverted']);
            // Interrupted twice, it may be out of tries.
            else expect(`${version} ${stage}`).toBe(version === 2 ? '2 confirmed' : '1 reverted');
          }
        }
      }
      process.stdout.write(`cuts of power, version 2 ${behaviour}: ${cuts}\n`);
      expect(cuts).toBeGreaterThan(100);
    },
  );
});
