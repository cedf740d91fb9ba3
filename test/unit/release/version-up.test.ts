/** A version-up as a router does it: what is refused, where that leaves the slot and the record, and what is fetched again. */
import { beforeEach, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../../host/platform/scratch-folder.ts';
import { bundleSource, tarEnd, tarHeader, tarPadding } from '../../../host/release/bundle.ts';
import { chunkOctets } from '../../../host/release/chunk-list.ts';
import { Refusal } from '../../../host/release/refusal.ts';
import type { UpdateSource } from '../../../host/release/update-source.ts';
import { checkForRelease, type Machine, versionUp } from '../../../host/release/version-up.ts';
import { SimulatedDevice } from '../../fault/flash/simulated-device.ts';
import {
  MemorySlots,
  type MemorySource,
  MemoryState,
  SampleRepository,
  sampleMachine,
  samplePayload,
  testKey,
} from './sample-repository.ts';

const payload = samplePayload(3 * chunkOctets + 12_345);
const slotSectors = (5 * chunkOctets) / 4096;

let repository: SampleRepository;
let state: MemoryState;
let device: SimulatedDevice;
let slots: MemorySlots;
let machine: Machine;

beforeEach(() => {
  repository = new SampleRepository();
  repository.release('board-1', '1.1.0', payload);
  state = new MemoryState();
  device = new SimulatedDevice(4096, slotSectors);
  slots = new MemorySlots(device);
  machine = sampleMachine(repository, slots, state, scratchFolder);
});

async function upgrade(
  source: UpdateSource = repository.source(),
  wish: { version?: string; allowOlder?: boolean } = {},
) {
  const steps: string[] = [];
  const outcome = await versionUp(machine, { source, ...wish }, ({ step }) => {
    if (steps.at(-1) !== step) steps.push(step);
  });
  return { outcome, steps };
}

/** The code that it was refused with, after the record was checked. */
async function refusedWith(
  source?: UpdateSource,
  wish?: { version?: string; allowOlder?: boolean },
): Promise<string> {
  const { outcome } = await upgrade(source, wish);
  if (outcome.ok) return 'done';
  expect(outcome.message.length).toBeGreaterThan(10);
  expect(slots.complete).toBe(false);
  expect(slots.trial).toBe(false);
  const isKept = !['NOT_NEWER', 'ON_TRIAL'].includes(outcome.code);
  if (isKept)
    expect(state.record()).toMatchObject({ stage: 'refused', reason: `${outcome.code}: ${outcome.message}` });
  return outcome.code;
}

describe('a release', () => {
  it('gets into the idle slot, is read back and on trial', async () => {
    const { outcome, steps } = await upgrade();
    expect(outcome).toEqual({
      ok: true,
      value: {
        ...{ board: 'board-1', running: '1.0.0', version: '1.1.0', octets: payload.length },
        ...{ slot: 'b', fetchedOctets: payload.length },
      },
    });
    expect(Buffer.compare(device.flushed().subarray(0, payload.length), payload)).toBe(0);
    expect([slots.complete, slots.trial]).toEqual([true, true]);
    expect(state.record()).toMatchObject({ version: '1.1.0', slot: 'b', stage: 'trial', reason: '' });
    expect(steps).toEqual(['recognise', 'write', 'read-back']);
  });

  it('is looked for without touching anything', async () => {
    expect(await checkForRelease(machine, { source: repository.source() })).toEqual({
      ok: true,
      value: { board: 'board-1', running: '1.0.0', version: '1.1.0', octets: payload.length },
    });
    expect([slots.opened, device.writes, state.record()]).toEqual([0, 0, undefined]);
  });

  it('is the newest for the board, or the one that was named', async () => {
    repository.release('board-1', '1.10.0', payload);
    repository.release('board-1', '1.9.0', payload);
    repository.release('board-2', '3.0.0', payload);
    const source = repository.source();
    expect(await checkForRelease(machine, { source })).toMatchObject({ value: { version: '1.10.0' } });
    expect(await checkForRelease(machine, { source, version: '1.9.0' })).toMatchObject({
      value: { version: '1.9.0' },
    });
  });

  it('older than what runs is taken on purpose only', async () => {
    machine = { ...machine, version: '1.2.0' };
    expect(await refusedWith()).toBe('NOT_NEWER');
    expect([slots.opened, state.record()]).toEqual([0, undefined]);
    const { outcome } = await upgrade(repository.source(), { version: '1.1.0', allowOlder: true });
    expect(outcome.ok).toBe(true);
  });

  it('from a bundle is the same', async () => {
    const parts = [...repository.files].flatMap(([path, octets]) => [
      tarHeader(path, octets.length, 0),
      octets,
      tarPadding(octets.length),
    ]);
    const archive = Buffer.concat([...parts, tarEnd]);
    const { outcome } = await upgrade(bundleOf(archive));
    expect(outcome.ok).toBe(true);
    expect(Buffer.compare(device.flushed().subarray(0, payload.length), payload)).toBe(0);
  });
});

describe('an interruption', () => {
  it('of the line is gone on from where it was', async () => {
    const source = repository.source();
    source.deadAfter = 2.5 * chunkOctets;
    const { outcome } = await upgrade(source);
    expect(outcome.ok).toBe(true);
    const asked = source.asked.filter((path) => path.includes('@')).map((path) => path.split('@')[1]);
    expect(asked).toEqual(['0', String(2 * chunkOctets)]);
  });

  it('of the line for good leaves what is there, for the next attempt', async () => {
    const source = repository.source();
    source.octets = async function* (path: string, offset: number) {
      const rest = repository.source();
      rest.deadAfter = offset === 0 ? 2 * chunkOctets : 0;
      yield* rest.octets(path, offset);
    };
    expect(await refusedWith(source)).toBe('UNREACHABLE');
    const next = repository.source();
    const { outcome } = await upgrade(next);
    expect(outcome).toMatchObject({ ok: true, value: { fetchedOctets: payload.length - 2 * chunkOctets } });
    expect(next.asked.at(-1)).toMatch(new RegExp(`@${2 * chunkOctets}$`));
  });

  it('after all was written fetches nothing', async () => {
    await upgrade();
    slots.complete = false;
    slots.trial = false;
    const { outcome } = await upgrade();
    expect(outcome).toMatchObject({ ok: true, value: { fetchedOctets: 0 } });
    expect(slots.trial).toBe(true);
  });

  it('and a damaged piece in the slot: that alone is fetched', async () => {
    await upgrade();
    device.flip((1.5 * chunkOctets) / 4096, 7);
    const source = repository.source();
    const { outcome } = await upgrade(source);
    expect(outcome).toMatchObject({ ok: true, value: { fetchedOctets: chunkOctets } });
    expect(source.asked.at(-1)).toMatch(new RegExp(`@${chunkOctets}$`));
  });
});

describe('before the slot is touched it refuses', () => {
  const untouched = async (
    code: string,
    source?: MemorySource,
    wish?: { version?: string },
  ): Promise<void> => {
    expect(await refusedWith(source, wish)).toBe(code);
    expect([slots.opened, device.writes]).toEqual([0, 0]);
  };

  it('a repository for other boards', async () => {
    machine = { ...machine, board: 'board-9' };
    await untouched('WRONG_BOARD');
  });

  it('a version that is not there, or no version', async () => {
    await untouched('NO_RELEASE', undefined, { version: '7.0.0' });
    await untouched('NO_RELEASE', undefined, { version: '../../etc' });
  });

  it('a payload that is larger than the slot', async () => {
    repository.release('board-1', '1.2.0', samplePayload(5 * chunkOctets + 1));
    await untouched('NO_SPACE');
  });

  it('a release that cannot read the settings', async () => {
    machine = { ...machine, settingsSchema: 3 };
    await untouched('SETTINGS_FORM');
  });

  it('bad, missing, expired and older metadata', async () => {
    repository.forge('timestamp', { version: 50 }, [testKey('timestamp').signing]);
    await untouched('METADATA_SIGNATURE');
    repository.forge('timestamp', { version: 50 });
    expect((await checkForRelease(machine, { source: repository.source() })).ok).toBe(true);
    repository.forge('timestamp', { version: 49 });
    await untouched('METADATA_ROLLBACK');
    repository.forge('timestamp', { version: 51, expires: '2026-01-01T00:00:00Z' });
    await untouched('METADATA_EXPIRED');
    repository.files.delete('metadata/timestamp.json');
    await untouched('UNREACHABLE');
  });

  it('a list of chunks that is not what was signed, or makes no sense', async () => {
    const [path] = [...repository.files.keys()].filter((one) => one.endsWith('chunks.json'));
    const text = Buffer.from(repository.files.get(path!)!).toString();
    repository.files.set(path!, Buffer.from(text.replace(/"sha256":\["../, '"sha256":["zz')));
    await untouched('METADATA_MISMATCH');
    repository.addRelease('board-1', '1.3.0', payload, 1, '{"chunkOctets":1048576,"length":1,"sha256":[]}');
    repository.publish();
    await untouched('METADATA_MISMATCH');
  });

  it('while what runs is on trial itself: the other slot is the way back', async () => {
    await upgrade();
    slots.running = 'b';
    machine = { ...machine, version: '1.1.0' };
    repository.release('board-1', '1.2.0', payload);
    const before = device.writes;
    slots.complete = false;
    slots.trial = false;
    expect(await refusedWith()).toBe('ON_TRIAL');
    expect(device.writes).toBe(before);
    expect(state.record()).toMatchObject({ stage: 'trial', version: '1.1.0' });
  });
});

describe('a bad payload leaves the slot incomplete', () => {
  const payloadFile = (): string =>
    [...repository.files.keys()].find((path) => path.endsWith('slot.squashfs')) ?? '';

  it.each([
    ['cut short by an octet', (octets: Uint8Array) => octets.subarray(0, -1), 'PAYLOAD_TRUNCATED'],
    [
      'cut short by two MiB',
      (octets: Uint8Array) => octets.subarray(0, -2 * chunkOctets),
      'PAYLOAD_TRUNCATED',
    ],
    ['empty', () => new Uint8Array(0), 'PAYLOAD_TRUNCATED'],
    [
      'with a bit turned over',
      (octets: Uint8Array) => octets.map((one, at) => (at === 2 * chunkOctets + 5 ? one ^ 4 : one)),
      'PAYLOAD_MISMATCH',
    ],
    ['of noise', (octets: Uint8Array) => samplePayload(octets.length), 'PAYLOAD_MISMATCH'],
    [
      'of another order',
      (octets: Uint8Array) => Buffer.concat([octets.subarray(chunkOctets), octets.subarray(0, chunkOctets)]),
      'PAYLOAD_MISMATCH',
    ],
  ] as const)('%s', async (_, spoil, code) => {
    const good = repository.files.get(payloadFile())!;
    repository.files.set(payloadFile(), spoil(good));
    expect(await refusedWith()).toBe(code);
    expect(slots.opened).toBe(1);
    repository.files.set(payloadFile(), good);
    expect((await upgrade()).outcome.ok).toBe(true);
  });

  it('and nothing of a bad piece is ever written', async () => {
    repository.files.set(payloadFile(), samplePayload(payload.length));
    expect(await refusedWith()).toBe('PAYLOAD_MISMATCH');
    expect(device.writes).toBe(0);
  });

  it('longer than was signed: what is too much is not read', async () => {
    const good = repository.files.get(payloadFile())!;
    repository.files.set(payloadFile(), Buffer.concat([good, samplePayload(9 * chunkOctets)]));
    const source = repository.source();
    expect((await upgrade(source)).outcome.ok).toBe(true);
    expect(source.served).toBeLessThan(payload.length + 200_000);
  });

  it('that the device does not keep is found when it is read back', async () => {
    const write = device.writeSector.bind(device);
    device.writeSector = (index, octets) => {
      if (index !== 300) write(index, octets);
    };
    expect(await refusedWith()).toBe('READ_BACK');
  });

  it('that the device refuses', async () => {
    device.refused = [300, 310];
    expect(await refusedWith()).toBe('SLOT_WRITE');
    device.refused = undefined;
    device.unreadable.add(300);
    expect(await refusedWith()).toBe('READ_BACK');
  });
});

describe('what is no bundle', () => {
  const whole = (): Buffer =>
    Buffer.concat([
      ...[...repository.files].flatMap(([path, octets]) => [
        tarHeader(path, octets.length, 0),
        octets,
        tarPadding(octets.length),
      ]),
      tarEnd,
    ]);

  it.each([
    ['empty', () => Buffer.alloc(0)],
    ['garbage', () => Buffer.from(samplePayload(4096))],
    ['text', () => Buffer.from('this is no archive\n'.repeat(100))],
    ['cut within a header', () => whole().subarray(0, 300)],
    ['cut within the payload', () => whole().subarray(0, -2 * chunkOctets)],
    ['without an end', () => whole().subarray(0, -1024)],
    ['with a file twice', () => Buffer.concat([tarHeader('a', 0, 0), tarHeader('a', 0, 0), tarEnd])],
    [
      'with a link',
      () => Buffer.concat([tarHeader('a', 0, 0).map((one, at) => (at === 156 ? 0x32 : one)), tarEnd]),
    ],
    [
      'with a size that is none',
      () => Buffer.concat([tarHeader('a', 0, 0).map((one, at) => (at === 126 ? 0x39 : one)), tarEnd]),
    ],
  ])('%s', (_, make) => {
    expect(() => bundleOf(make())).toThrow(Refusal);
  });
});

function bundleOf(archive: Uint8Array): UpdateSource {
  return bundleSource('bundle', {
    length: archive.length,
    read: (offset, length) => Uint8Array.from(archive.subarray(offset, offset + length)),
    close: () => undefined,
  });
}
