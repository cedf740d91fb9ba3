/** Each invariant is worth something only if it fires: a bug is planted for each kind, in shipped code or around it. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../host/dataplane/engine.ts';
import { FirmwareInstance } from '../../host/dataplane/instance.ts';
import type { Distribution } from '../../host/messages/message.ts';
import { Secret } from '../../host/model/secret.ts';
import { RequestTable } from '../../host/router/setting-management/request.ts';
import { SettingState } from '../../host/router/setting-management/setting-state.ts';
import { ManagementTable } from '../../host/server/management-table/management-table.ts';
import type { RequestAction } from '../../host/server/request-processing/events.ts';
import { inspectShippedEngine, makeShippedEngine, slotAddress } from './engine-shipped.ts';
import type { Plant, RouterMachine, ServerMachine } from './plant.ts';
import { runSeed, type SeedOptions } from './run-seed.ts';
import type { Invariant } from './witness.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** The invariants that break in the first seed of `count` in which any does. */
function firstBroken(options: SeedOptions, count = 200): Invariant | undefined {
  for (let seed = 1; seed <= count; seed += 1) {
    const { violation } = runSeed(seed, options);
    if (violation !== undefined) return violation.invariant;
  }
  return undefined;
}

function inEngine(change: (engine: Engine) => Partial<Engine>): Plant {
  return {
    engine: (engine) => {
      const changed = change(engine);
      return new Proxy(engine, {
        get: (target, name) => {
          const value = Reflect.get(changed, name) ?? Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
}

/** Changes what the server does: its actions pass through `change`. */
function inServer(change: (actions: readonly RequestAction[]) => readonly RequestAction[]): Plant {
  return {
    server: (machine): ServerMachine => ({
      start: (now) => [...change(machine.start(now))],
      handle: (event, now) => [...change(machine.handle(event, now))],
      nextDeadline: () => machine.nextDeadline(),
      table: (now) => machine.table(now),
    }),
  };
}

function inRouter(change: (machine: RouterMachine) => Partial<RouterMachine>): Plant {
  return {
    router: (machine): RouterMachine => ({
      start: () => machine.start(),
      handle: (event, now) => machine.handle(event, now),
      nextDeadline: () => machine.nextDeadline(),
      requests: () => machine.requests(),
      status: () => machine.status(),
      ...change(machine),
    }),
  };
}

function without(type: string): Plant {
  return inServer((actions) =>
    actions.filter((action) => action.kind !== 'send' || action.message.type !== type),
  );
}

function mapDistributions(change: (message: Distribution) => readonly Distribution[]): Plant {
  return inServer((actions) =>
    actions.flatMap((action) =>
      action.kind === 'send' && action.message.type === 'distribution'
        ? change(action.message).map((message) => ({ ...action, router: message.source, message }))
        : [action],
    ),
  );
}

const copySecret = (secret: Secret) => new Secret(secret.reveal().slice());
const copySa = (sa: Distribution['inbound']): Distribution['inbound'] => ({
  spi: sa.spi,
  encryptionKey: copySecret(sa.encryptionKey),
  authenticationKey: copySecret(sa.authenticationKey),
  salt: copySecret(sa.salt),
});
const copy = (message: Distribution): Distribution => ({
  ...message,
  inbound: copySa(message.inbound),
  outbound: copySa(message.outbound),
});

describe('a planted bug', () => {
  it('an engine that uses a sequence number twice', () => {
    expect(firstBroken({ plant: { modelFaults: { reuseSequence: true } } })).toBe('iv-used-twice');
  });

  it('an engine that lets a packet out while it has no SA', () => {
    const plant = inEngine((engine) => ({
      outbound: (packet, now) => {
        const outcome = engine.outbound(packet, now);
        return outcome.kind === 'held' ? { kind: 'bypass', packet } : outcome;
      },
    }));
    expect(firstBroken({ plant })).toBe('plaintext');
  });

  it('an engine that forgets to encrypt', () => {
    const plant: Plant = {
      engine: (engine) => {
        const outbound = engine.outbound.bind(engine);
        engine.outbound = (packet, now) => {
          const outcome = outbound(packet, now);
          if (outcome.kind === 'send') outcome.esp.set(packet.subarray(0, 44), 16);
          return outcome;
        };
        return engine;
      },
    };
    expect(
      firstBroken({ plant, wasm: { makeEngine: makeShippedEngine, inspect: inspectShippedEngine } }),
    ).toBe('plaintext');
  });

  it('an engine without a replay check', () => {
    expect(firstBroken({ plant: { modelFaults: { noReplayCheck: true } } })).toBe('delivered-twice');
  });

  it('a router that does not take an edited SPD into force', () => {
    const plant = inRouter((machine) => ({
      handle: (event, now) => (event.kind === 'spd' ? [] : machine.handle(event, now)),
    }));
    expect(['plaintext', 'delivered-astray']).toContain(firstBroken({ plant }));
  });

  it('a server that gives the two ends different keys', () => {
    let flip = false;
    const plant = mapDistributions((message) => {
      flip = !flip;
      const octets = message.inbound.encryptionKey.reveal();
      if (flip) octets[0] = (octets[0] ?? 0) ^ 1;
      return [message];
    });
    expect(firstBroken({ plant })).toBe('ends-differ');
  });

  it('a server that gives the two ends different proposals', () => {
    const plant = mapDistributions((message) => [
      message.source < message.peer
        ? { ...message, policy: { ...message.policy, esn: !message.policy.esn } }
        : message,
    ]);
    expect(firstBroken({ plant })).toBe('ends-differ');
  });

  it('a server that uses a key for another SA', () => {
    const used = new Map<number, Distribution>();
    const plant = mapDistributions((message) => {
      const length = message.inbound.encryptionKey.length;
      const before = used.get(length);
      if (before === undefined) used.set(length, copy(message));
      return [
        before === undefined
          ? message
          : { ...message, inbound: { ...copySa(before.inbound), spi: message.inbound.spi } },
      ];
    });
    expect(firstBroken({ plant })).toBe('key-handed-out-again');
  });

  it('a server that lets a third router have the keys', () => {
    const plant = mapDistributions((message) => [message, { ...copy(message), source: 'elsewhere' }]);
    expect(firstBroken({ plant })).toBe('key-handed-out-again');
  });

  it('a server that repeats a distribution after it said that it wiped the keys', () => {
    const kept = new Map<string, Distribution>();
    const plant = inServer((actions) =>
      actions.flatMap((action): RequestAction[] => {
        if (action.kind !== 'send') return [action];
        const { message } = action;
        if (message.type === 'distribution') kept.set(message.id, copy(message));
        const again = message.type === 'both-installed' ? kept.get(message.id) : undefined;
        return again === undefined ? [action] : [action, { ...action, message: copy(again) }];
      }),
    );
    expect(firstBroken({ plant })).toBe('key-handed-out-again');
  });

  it('an engine that leaves the keys in the message', () => {
    const plant = inEngine((engine) => ({
      change: (change, now) => {
        const install = (change.install ?? []).map(({ pair, use }) => {
          const sa = <Sa extends typeof pair.inbound>(one: Sa): Sa => ({
            ...one,
            keys: {
              encryptionKey: copySecret(one.keys.encryptionKey),
              authenticationKey: copySecret(one.keys.authenticationKey),
              salt: copySecret(one.keys.salt),
            },
          });
          return { pair: { ...pair, inbound: sa(pair.inbound), outbound: sa(pair.outbound) }, use };
        });
        engine.change({ ...change, install }, now);
      },
    }));
    expect(firstBroken({ plant })).toBe('key-left-behind');
  });

  it('a server that never withdraws', () => {
    expect(firstBroken({ plant: without('withdraw') }, 1_000)).toBe('left-alone');
  });

  it('a router that asks again while it asks', () => {
    vi.spyOn(RequestTable.prototype, 'covering').mockReturnValue(undefined);
    expect(firstBroken({})).toBe('asked-twice');
  });

  it('a server that takes two requests for the same apart', () => {
    vi.spyOn(ManagementTable.prototype, 'halfEmpty').mockReturnValue([]);
    expect(firstBroken({})).toBe('asked-twice');
  });

  it('a router whose second worker has no lane', () => {
    vi.spyOn(SettingState.prototype, 'workerOf').mockReturnValue(0);
    expect(firstBroken({ workers: 2 })).toBe('asked-twice');
  });

  it('an engine that loses what it held', () => {
    const plant = inEngine((engine) => ({
      releaseHeld: (entry) => {
        engine.dropHeld(entry);
        return [];
      },
    }));
    expect(firstBroken({ plant })).toBe('packet-lost');
  });

  it('a server that distributes nothing', () => {
    expect(['pair-silent', 'packet-lost']).toContain(firstBroken({ plant: without('distribution') }));
  });

  it('a server that keeps silent about a missing policy', () => {
    expect(firstBroken({ plant: without('no-corresponding-entry') })).toBe('wrong-failure');
  });

  it('a router whose deadline never moves on', () => {
    expect(firstBroken({ plant: inRouter(() => ({ nextDeadline: () => 0 })) })).toBe('no-rest');
  });

  it('a router that keeps what has ended', () => {
    const plant = inRouter((machine) => ({
      handle: (event, now) =>
        machine
          .handle(event, now)
          .filter((action) => action.kind !== 'change' || action.change.remove === undefined),
    }));
    expect(firstBroken({ plant })).not.toBeUndefined();
  });

  it('an engine that throws', () => {
    const plant = inEngine(() => ({
      drainEvents: () => {
        throw new Error('planted');
      },
    }));
    expect(firstBroken({ plant })).toBe('exception');
  });
});

describe('a planted bug in the shipped engine', () => {
  const wasm = { makeEngine: makeShippedEngine, inspect: inspectShippedEngine };

  it('slots that are not wiped', () => {
    const call = FirmwareInstance.prototype.call;
    vi.spyOn(FirmwareInstance.prototype, 'call').mockImplementation(function (
      this: FirmwareInstance,
      ...parameters: Parameters<typeof call>
    ) {
      const slot = parameters[1] ?? 0;
      if (parameters[0] !== 'wipe_sa' || slot % 2 === 0) return call.apply(this, parameters);
      // Marks the slot as empty, as a wipe would, and leaves the rest.
      const result = call.apply(this, parameters);
      this.octets[slotAddress(this.layout, slot) + 100] = 1;
      return result;
    });
    expect(firstBroken({ wasm }, 20)).toBe('slot-not-wiped');
  });

  it('banks that do not agree', () => {
    let stagings = 0;
    const call = FirmwareInstance.prototype.call;
    vi.spyOn(FirmwareInstance.prototype, 'call').mockImplementation(function (
      this: FirmwareInstance,
      ...parameters: Parameters<typeof call>
    ) {
      if (parameters[0] === 'stage_sad') stagings += 1;
      return parameters[0] === 'stage_sad' && stagings % 6 === 0 ? 0 : call.apply(this, parameters);
    });
    expect(firstBroken({ wasm }, 20)).toBe('two-banks-active');
  });
});
