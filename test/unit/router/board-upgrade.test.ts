/** A version-up that the server ordered: carried out once, never thrown out of, and always something to report. */
import { beforeEach, expect, it } from 'vitest';
import { readForms, writeForms } from '../../../host/flash/form.ts';
import { HostError } from '../../../host/model/host-error.ts';
import { scratchFolder } from '../../../host/platform/scratch-folder.ts';
import type { UpdateSource } from '../../../host/release/update-source.ts';
import type { Machine } from '../../../host/release/version-up.ts';
import { versionUpOf } from '../../../host/router/board-upgrade.ts';
import { routerForms } from '../../../host/router/flash-document.ts';
import { writeVersionUpRecord } from '../../../host/slots/version-up-record.ts';
import { SimulatedDevice } from '../../fault/flash/simulated-device.ts';
import {
  MemorySlots,
  MemoryState,
  SampleRepository,
  sampleMachine,
  samplePayload,
} from '../release/sample-repository.ts';

let repository: SampleRepository;
let state: MemoryState;
let machine: Machine;
let opened: string[];
let restarts: number;

beforeEach(() => {
  repository = new SampleRepository();
  repository.release('board-1', '1.1.0', samplePayload(50_000));
  state = new MemoryState();
  machine = sampleMachine(repository, new MemorySlots(new SimulatedDevice(4096, 64)), state, scratchFolder);
  opened = [];
  restarts = 0;
});

function versionUp(
  url: string | undefined = 'http://own/releases/',
  source: UpdateSource = repository.source(),
) {
  return versionUpOf(machine, {
    url: () => url,
    log: { info: () => undefined, warn: () => undefined } as never,
    open: (place) => {
      opened.push(place);
      return source;
    },
    restart: () => restarts++,
  });
}

it('has nothing to say at first, and then how far it came', async () => {
  const up = versionUp();
  expect(up.standing()).toEqual({
    board: 'board-1',
    slot: 'a',
    version: '',
    stage: 'none',
    reason: '',
    at: 0,
  });
  await up.upgrade('1.1.0', '');
  expect(up.standing()).toMatchObject({ board: 'board-1', slot: 'a', version: '1.1.0', stage: 'trial' });
  expect([opened, restarts]).toEqual([['http://own/releases/'], 1]);
});

it('goes where the server says, from the own address on', async () => {
  await versionUp().upgrade('1.1.0', 'http://other/place/');
  await versionUp().upgrade('1.1.0', '../staged/');
  expect(opened).toEqual(['http://other/place/', 'http://own/staged/']);
});

it.each([
  ['a version that is not there', '9.9.9', '', /^NO_RELEASE/, '1.0.0'],
  ['one that is not newer', '1.1.0', '', /^NOT_NEWER/, '1.1.0'],
  ['one that is older than what runs', '1.1.0', '', /^NOT_NEWER/, '2.0.0'],
  ['no address at all', '1.1.0', undefined, /^upgrade.url/, '1.0.0'],
])('reports a refusal: %s', async (_, version, place, reason, running) => {
  machine = { ...machine, version: running };
  const up = place === undefined ? versionUpOf(machine, { ...shell(), url: () => undefined }) : versionUp();
  await up.upgrade(version, place ?? '');
  expect(up.standing()).toMatchObject({ version, stage: 'refused', reason: expect.stringMatching(reason) });
  expect(restarts).toBe(0);
});

it('reports a board that cannot, and an image that trusts nobody', async () => {
  const trustless = { ...machine };
  Object.defineProperty(trustless, 'builtInRoot', {
    get: () => {
      throw new HostError('PLATFORM', 'built without --release-root');
    },
  });
  machine = trustless;
  const up = versionUp();
  await up.upgrade('1.1.0', '');
  expect(up.standing()).toMatchObject({ stage: 'refused', reason: expect.stringMatching(/release-root/) });
});

it('gives a second attempt that ends as the first a time of its own', async () => {
  let utcMs = machine.nowUtcMs();
  const up = versionUpOf({ ...machine, nowUtcMs: () => utcMs }, { ...shell(), url: () => undefined });
  await up.upgrade('1.1.0', '');
  const first = up.standing();
  expect(first.stage).toBe('refused');
  utcMs += 60_000;
  await up.upgrade('1.1.0', '');
  expect(up.standing()).toEqual({ ...first, at: utcMs });
});

it('says nothing of writing that a restart of the machine interrupted, so that it is ordered again', async () => {
  const record = { version: '1.1.0', slot: 'b', stage: 'writing', reason: '', at: 7 } as const;
  writeVersionUpRecord(state, { ...record, bootId: machine.bootId });
  expect(versionUp().standing()).toMatchObject({ version: '1.1.0', stage: 'writing' });
  writeVersionUpRecord(state, { ...record, bootId: 'the start before' });
  expect(versionUp().standing()).toMatchObject({ version: '', stage: 'none' });
  await versionUp().upgrade('1.1.0', '');
  expect(versionUp().standing()).toMatchObject({ version: '1.1.0', stage: 'trial' });
});

it('knows nothing while the flash cannot be read, and goes on when it can', async () => {
  const { read } = state;
  const fails = (): never => {
    throw new HostError('FLASH', 'sector 3 cannot be read');
  };
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (_: unknown, text: string) => warnings.push(text) } as never;
  const up = versionUpOf(
    { ...machine, nowUtcMs: () => state.read('last-seen-time')?.length ?? machine.nowUtcMs() },
    {
      ...shell(),
      url: () => 'http://own/',
      log,
    },
  );
  state.read = fails;
  expect(up.standing()).toMatchObject({ board: 'board-1', slot: 'a', stage: 'none' });
  await up.upgrade('1.1.0', '');
  expect(warnings).toEqual([
    expect.stringMatching(/last version-up is not known: .*sector 3/),
    expect.stringMatching(/1\.1\.0 is not installed: .*sector 3/),
    expect.stringMatching(/sector 3/),
  ]);
  state.read = read;
  await up.upgrade('1.1.0', '');
  expect(up.standing()).toMatchObject({ version: '1.1.0', stage: 'trial' });
});

it('is not started twice', async () => {
  const up = versionUp();
  await Promise.all([up.upgrade('1.1.0', ''), up.upgrade('1.1.0', '')]);
  expect([opened.length, restarts]).toEqual([1, 1]);
});

function shell() {
  return {
    log: { info: () => undefined, warn: () => undefined } as never,
    open: () => repository.source(),
    restart: () => restarts++,
  };
}

it('its address is passed over by the settings form before, and is back after a roll-back', () => {
  const settings = { name: 'tokyo', upgrade: { url: 'http://own/' } };
  const forms = writeForms(settings, routerForms);
  expect(forms.map(({ version, document }) => [version, document])).toEqual([
    [2, settings],
    [1, { name: 'tokyo' }],
  ]);
  const older = writeForms({ name: 'kyoto' }, { version: 1, migrations: [] }, forms);
  expect(readForms(older, routerForms)).toEqual({
    ok: true,
    value: { name: 'kyoto', upgrade: { url: 'http://own/' } },
  });
});
