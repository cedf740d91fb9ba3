import { describe, expect, it } from 'vitest';
import type { TableChange } from '../../../host/dataplane/engine.ts';
import { Secret } from '../../../host/model/secret.ts';
import { packChange, unpackChange } from '../../../host/packet-loop/change-transfer.ts';
import { arrival, dataplane, pair, protect, selector } from '../../property/dataplane/engines.ts';

const whole: TableChange = {
  spd: [protect('to-b', [selector('10.1.0.0/16', '10.2.0.0/16')])],
  reserve: [0x3003],
  release: [0x4004],
  use: [0x1001],
  remove: [0x5005],
  move: [{ spi: 0x1001, peer: arrival(new Uint8Array(0)).from }],
  block: [{ entry: 'to-b', selectors: [] }],
};

function installing(): TableChange {
  return {
    ...whole,
    install: [
      { pair: pair(0x1001, 0x2002), use: true },
      { pair: pair(0x1102, 0x2103, { proposal: 'aes256-sha256' }), use: false },
    ],
  };
}

/** The change as it comes out at the other end of a message port. */
function cross(change: TableChange): TableChange {
  const packed = packChange(change);
  return unpackChange(structuredClone(packed.change, { transfer: packed.transfer }));
}

function secrets(change: TableChange): Secret[] {
  return (change.install ?? []).flatMap(({ pair: { inbound, outbound } }) =>
    [inbound, outbound].flatMap(({ keys }) => [keys.encryptionKey, keys.authenticationKey, keys.salt]),
  );
}

function octets(change: TableChange): string[] {
  return secrets(change).map((secret) => Buffer.from(secret.reveal()).toString('hex'));
}

describe('a table change that crosses to the worker', () => {
  it('comes out as it went in, its keys as secrets', () => {
    const change = installing();
    const arrived = cross(change);
    // Secrets compare by what they hold, which their private field hides from toEqual.
    expect(octets(arrived)).toEqual(octets(change));
    expect(secrets(arrived).every((secret) => secret instanceof Secret)).toBe(true);
    expect(arrived).toEqual(change);
    expect(octets(arrived).filter((hex) => hex.length > 0)).toHaveLength(8);
  });

  it('comes out whole without an installation too', () => {
    expect(cross(whole)).toEqual(whole);
    expect(packChange(whole).transfer).toEqual([]);
    expect(cross({})).toEqual({});
  });

  it('takes its keys along: what was posted is gone at this end', () => {
    const { change, transfer } = packChange(installing());
    structuredClone(change, { transfer });
    for (const buffer of transfer) expect(buffer.detached).toBe(true);
    for (const { pair: packed } of change.install ?? []) {
      for (const { keys } of [packed.inbound, packed.outbound]) {
        for (const key of Object.values(keys)) expect((key as Uint8Array).length).toBe(0);
      }
    }
  });

  it('leaves the secrets that it was made of to be wiped, and does not share their memory', () => {
    const change = installing();
    const before = octets(change);
    const arrived = cross(change);
    expect(octets(change)).toEqual(before);
    for (const secret of secrets(change)) secret.wipe();
    expect(octets(arrived)).toEqual(before);
  });

  it('is what the engine takes, which wipes the keys once it has them', () => {
    const engine = dataplane();
    engine.change({ spd: whole.spd ?? [] }, 0);
    const arrived = cross({ install: [{ pair: pair(0x1001, 0x2002), use: true }] });
    engine.change(arrived, 0);
    expect(engine.snapshot(0).sad.map(({ spi }) => spi)).toEqual([0x1001, 0x2002]);
    for (const hex of octets(arrived)) expect(hex).toMatch(/^0*$/);
  });
});
