/** A router and its config flash in virtual time: what is put in force how, and what is taken back. */
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { ConfigFlash, type FlashOptions } from '../../../host/flash/config-flash.ts';
import { deviceKeyStore } from '../../../host/flash/key-store.ts';
import { HostError } from '../../../host/model/host-error.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import { type ConfigRequest, parseConfigCommand } from '../../../host/router/config-command.ts';
import { routerForms } from '../../../host/router/flash-document.ts';
import { FlashRouter, type Runner } from '../../../host/router/flash-router.ts';
import { writeChange } from '../../../host/router/flash-settings.ts';
import { SimulatedDevice } from '../../fault/flash/simulated-device.ts';
import { Prng } from '../../simulation/prng.ts';

const text = `version: 1
name: tokyo
credential: { preSharedKey: a-key-that-nobody-sees }
server: { address: 203.0.113.1 }
unprotected: { interface: wan0 }
spd: []
`;
const files = new Map([['first.yaml', text]]);
const readers = {
  text: (path: string) => files.get(path) ?? '',
  folderOf: () => '/etc',
  secret: () => new Uint8Array(0),
  trusted: () => '',
};

const prng = new Prng(1);
const keyStore = deviceKeyStore(new Uint8Array(32).fill(1), (octets) => prng.octets(octets));

/** What was done to routers, in order. */
let done: string[];
let device: SimulatedDevice;
let now: number;
let wakeAt: number | undefined;
/** Whether the server answers a router with these settings. */
let answers: (port: number) => boolean;
let end: HostError | 'reset' | undefined;
let isBusy: boolean;
let isLinkDown: boolean;

class FakeRunner implements Runner {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  replaceSpd(entries: readonly SpdEntry[]): Promise<void> {
    if (isBusy) return Promise.reject(new HostError('PLATFORM', 'no answer'));
    if (entries.length > 2) return Promise.reject(new HostError('CAPACITY', 'spd: no room'));
    done.push(`replace SPD: ${entries.map(({ name }) => name).join(' ')}`);
    return Promise.resolve();
  }

  heard(): Promise<{ isUp: boolean; heardAt: number }> {
    return Promise.resolve({ isUp: answers(this.#port), heardAt: now });
  }

  stop(): Promise<void> {
    done.push('stop');
    return Promise.resolve();
  }
}

function openFlash(more: Partial<FlashOptions> = {}): ConfigFlash {
  return new ConfigFlash({ device, forms: routerForms, software: 'test', ...more });
}

function openRouter(waitsForSettings = false, flash = openFlash()): FlashRouter<FakeRunner> {
  return new FlashRouter({
    flash,
    device: 'flash',
    readers,
    start: (settings, revision) => {
      if (settings.unprotected.interface === 'wan9') {
        return Promise.reject(new HostError('CONFIG_INVALID', 'wan9 has no address'));
      }
      if (isLinkDown) return Promise.reject(new HostError('PLATFORM', 'no address'));
      done.push(`start revision ${revision}`);
      return Promise.resolve(new FakeRunner(settings.server.port));
    },
    now: () => now,
    wakeAt: (at) => {
      wakeAt = at;
    },
    log: pino({ level: 'silent' }),
    waitsForSettings,
    onEnd: (reason) => {
      end = reason ?? 'reset';
    },
  });
}

/** Lets everything that is under way come to an end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function pass(router: FlashRouter<FakeRunner>, seconds: number): Promise<void> {
  const until = now + seconds * 1000;
  while (wakeAt !== undefined && wakeAt <= until) {
    now = Math.max(now, wakeAt);
    router.deadline();
    await settle();
  }
  now = until;
}

async function change(router: FlashRouter<FakeRunner>, request: ConfigRequest): Promise<void> {
  await router.command(parseConfigCommand(request));
  await settle();
}

const entry = (name: string) =>
  `{ name: ${name}, selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16 }, action: BYPASS }`;
const addEntry = (name: string): ConfigRequest => ({ what: 'set', path: 'spd[+]', value: entry(name) });

beforeEach(() => {
  done = [];
  device = new SimulatedDevice(512, 64);
  now = 10_000;
  wakeAt = undefined;
  answers = () => true;
  end = undefined;
  [isBusy, isLinkDown] = [false, false];
  const command = parseConfigCommand({ what: 'apply', file: 'first.yaml' });
  if (command.what === 'apply') writeChange(openFlash(), command, readers, false);
});

describe('a router with a config flash', () => {
  it('starts with what is in force, and without any says what to do', async () => {
    const router = openRouter();
    await router.start();
    expect(done).toEqual(['start revision 1']);
    expect(router.settings()).toContain('flash:preSharedKey');
    expect(router.settings()).not.toContain('a-key');
    openFlash().reset();
    await expect(openRouter().start()).rejects.toThrow(
      /holds no settings.*sekisho router config apply FILE --flash/,
    );
  });

  it('of a board waits for its first settings, which are in force at once', async () => {
    openFlash().reset();
    const router = openRouter(true);
    await router.start();
    expect([router.running, end, router.state().revision]).toEqual([undefined, undefined, null]);
    await expect(router.command(parseConfigCommand({ what: 'confirm' }))).rejects.toThrow(
      /nothing is on trial/,
    );
    await change(router, { what: 'apply', file: 'first.yaml' });
    expect(done).toEqual(['start revision 2']);
    expect(router.state()).toMatchObject({ revision: 2, trial: null });
    expect(end).toBeUndefined();
  });

  it('replaces an SPD in the router that runs, and keeps it when the server answers', async () => {
    const router = openRouter();
    await router.start();
    await change(router, addEntry('a'));
    expect(router.state()).toMatchObject({ revision: 1, trial: { number: 2 } });
    await pass(router, 5);
    expect(done).toEqual(['start revision 1', 'replace SPD: a']);
    expect(router.state()).toMatchObject({
      revision: 2,
      previous: 1,
      trial: null,
      last: { number: 2, decision: 'confirmed', reason: 'the server answered' },
    });
    await expect(
      router.command(parseConfigCommand({ what: 'set', path: 'spd', value: `[${entry('a')}]` })),
    ).resolves.toEqual({
      revision: null,
      isOnTrial: false,
    });
  });

  it('starts the router anew for anything else, and again with what was, when the server is silent', async () => {
    answers = (port) => port === 4500;
    const router = openRouter();
    await router.start();
    await change(router, { what: 'set', path: 'server.port', value: '4999', seconds: 30 });
    await pass(router, 29);
    expect(done).toEqual(['start revision 1', 'stop', 'start revision 2']);
    await pass(router, 2);
    expect(done.slice(3)).toEqual(['stop', 'start revision 1']);
    expect(router.state()).toMatchObject({ revision: 1, last: { number: 2, decision: 'reverted' } });
    expect(openFlash().trial).toBeUndefined();
  });

  it('starts it anew for another credential too', async () => {
    const router = openRouter();
    await router.start();
    files.set('second.yaml', text.replace('a-key', 'another-key'));
    await change(router, { what: 'apply', file: 'second.yaml' });
    await pass(router, 5);
    expect(done).toEqual(['start revision 1', 'stop', 'start revision 2']);
  });

  it('takes back what cannot be put in force', async () => {
    const router = openRouter();
    await router.start();
    await change(router, { what: 'set', path: 'unprotected.interface', value: 'wan9' });
    expect(done).toEqual(['start revision 1', 'stop', 'start revision 1']);
    expect(router.state().last).toMatchObject({ reason: 'it cannot be put in force: wan9 has no address' });
    await change(router, { what: 'set', path: 'spd', value: `[${['a', 'b', 'c'].map(entry).join(', ')}]` });
    expect(router.state().last).toMatchObject({ reason: 'it cannot be put in force: spd: no room' });
    // Nothing of it was in force.
    expect(done.slice(3)).toEqual([]);
    expect(end).toBeUndefined();
  });

  it('starts the router anew where it does not take its SPD back, and ends where that fails too', async () => {
    answers = () => false;
    const router = openRouter();
    await router.start();
    await change(router, addEntry('a'));
    isBusy = true;
    await pass(router, 61);
    expect(done).toEqual(['start revision 1', 'replace SPD: a', 'stop', 'start revision 1']);
    expect(end).toBeUndefined();
    isBusy = false;
    await change(router, addEntry('b'));
    [isBusy, isLinkDown] = [true, true];
    await pass(router, 61);
    expect(end).toMatchObject({ message: 'no address' });
  });

  it('takes a trial that a crash cut short back at the next start', async () => {
    const router = openRouter();
    await router.start();
    await change(router, { ...addEntry('a'), isManual: true } as ConfigRequest);
    expect(openFlash().trial?.number).toBe(2);
    const again = openRouter();
    await again.start();
    expect(again.state()).toMatchObject({ revision: 1, trial: null });
    expect(again.state().problems.join()).toMatch(/revision 2 was taken back: the router was stopped before/);
    expect(done.at(-1)).toBe('start revision 1');
  });

  it('waits for a person where one has to confirm, and takes back when one says so', async () => {
    const router = openRouter();
    await router.start();
    await change(router, { ...addEntry('a'), isManual: true } as ConfigRequest);
    await pass(router, 30);
    expect(router.state().trial).toMatchObject({ number: 2, isManual: true });
    await change(router, { what: 'confirm' });
    expect(router.state()).toMatchObject({ revision: 2, trial: null });
    await change(router, { ...addEntry('b'), isManual: true } as ConfigRequest);
    await change(router, { what: 'rollback' });
    expect(router.state()).toMatchObject({ revision: 2, last: { reason: 'taken back by hand' } });
    expect(done.slice(1)).toEqual(['replace SPD: a', 'replace SPD: a b', 'replace SPD: a']);
    await expect(router.command(parseConfigCommand({ what: 'confirm' }))).rejects.toThrow(
      /nothing is on trial/,
    );
  });

  it('goes back to the revision before, which is then the newest', async () => {
    const router = openRouter();
    await router.start();
    await change(router, addEntry('a'));
    await pass(router, 5);
    await change(router, { what: 'rollback' });
    await pass(router, 5);
    expect(router.state()).toMatchObject({ revision: 3, previous: 2 });
    expect(done.slice(1)).toEqual(['replace SPD: a', 'replace SPD: ']);
  });

  it('runs what the flash says when the flash cannot be written any more', async () => {
    const router = openRouter();
    await router.start();
    await change(router, addEntry('a'));
    device.refused = [0, 63];
    await pass(router, 5);
    expect(done.slice(1)).toEqual(['replace SPD: a', 'replace SPD: ']);
    expect(router.state()).toMatchObject({ revision: 1, last: { number: 2, decision: 'reverted' } });
    expect(router.state().last?.reason).toMatch(/the flash cannot be written/);
    await expect(router.command(parseConfigCommand(addEntry('b')))).rejects.toMatchObject({ code: 'FLASH' });
    device.refused = undefined;
    const again = openRouter();
    await again.start();
    expect(again.state().revision).toBe(1);
  });

  it('ends when it is told to forget everything', async () => {
    const router = openRouter();
    await router.start();
    await change(router, { what: 'factory-reset' });
    expect(end).toBe('reset');
    expect(done.at(-1)).toBe('stop');
    expect(openFlash().current).toBeUndefined();
    expect(Buffer.from(device.octets()).includes('a-key')).toBe(false);
  });

  it('seals what was plain before it starts, and the router starts from what is sealed', async () => {
    const router = openRouter(false, openFlash({ keyStore }));
    await router.start();
    expect(done).toEqual(['start revision 1']);
    expect(router.state()).toMatchObject({ revision: 1, keyStore: 'device-key', problems: [] });
    expect(Buffer.from(device.octets()).includes('a-key')).toBe(false);
    await change(router, addEntry('a'));
    await pass(router, 5);
    expect(router.state()).toMatchObject({ revision: 2, previous: 1 });
    expect(Buffer.from(device.octets()).includes('a-key')).toBe(false);
  });

  it('seals it when the version that runs is kept, and the router that runs notices nothing', async () => {
    let isKept = false;
    const router = openRouter(false, openFlash({ keyStore, maySeal: () => isKept }));
    await router.start();
    expect(router.state()).toMatchObject({ keyStore: null });
    expect(router.state().problems.join()).toMatch(/not encrypted yet/);
    await change(router, { ...addEntry('a'), isManual: true } as ConfigRequest);
    isKept = true;
    router.sealCredentials();
    await settle();
    // Settings are on trial, which can still be taken back.
    expect(router.state()).toMatchObject({ revision: 1, trial: { number: 2 }, keyStore: null });
    await change(router, { what: 'confirm' });
    expect(router.state()).toMatchObject({ revision: 2, previous: null, keyStore: 'device-key' });
    expect(Buffer.from(device.octets()).includes('a-key')).toBe(false);
    expect(done).toEqual(['start revision 1', 'replace SPD: a']);
    const again = openRouter(false, openFlash({ keyStore }));
    await again.start();
    expect(done.at(-1)).toBe('start revision 2');
  });

  it('does not start with credentials of another board, and says what to do', async () => {
    await openRouter(false, openFlash({ keyStore })).start();
    done = [];
    const other = deviceKeyStore(new Uint8Array(32).fill(2), (octets) => prng.octets(octets));
    for (const more of [{ keyStore: other }, {}]) {
      const before = device.octets();
      await expect(openRouter(true, openFlash(more)).start()).rejects.toMatchObject({
        code: 'CREDENTIAL_UNREADABLE',
        message: expect.stringMatching(/open on the board that sealed them.*factory-reset.*config apply/),
      });
      expect(done).toEqual([]);
      expect(device.octets()).toEqual(before);
    }
  });

  it.each([
    [null],
    [{}],
    [{ what: 'apply' }],
    [{ what: 'set', path: 'a', value: 1 }],
    [{ what: 'confirm', more: 1 }],
    [{ what: 'rollback', seconds: 4 }],
  ])('refuses %j', (body) => {
    expect(() => parseConfigCommand(body)).toThrow(HostError);
  });
});
