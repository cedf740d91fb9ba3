/** Changes of the tables: they take effect as one, disturb nobody else, and are refused whole. */
import { describe, expect, it } from 'vitest';
import { REGION_CIPHERS, REGION_REPLAY, REGION_SA_SLOTS } from '../../../firmware/abi/layout.ts';
import { REPLAY_SIZE, SA_SLOT_SIZE } from '../../../firmware/abi/sa-slot.ts';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { TableChange } from '../../../host/dataplane/engine.ts';
import { layOutMemory } from '../../../host/dataplane/memory-layout.ts';
import {
  address,
  arrival,
  dataplane,
  engineWithPair,
  pair,
  protect,
  reason,
  referenceSa,
  sa,
  selector,
  sent,
  smallCapacities,
} from '../../property/dataplane/engines.ts';
import { packetOf, UDP } from '../../property/dataplane/packets.ts';
import { referenceOpen, referenceSeal } from '../../property/dataplane/reference-esp.ts';

const network = selector('10.1.0.0/16', '10.2.0.0/16');
const packet = packetOf({ source: '10.1.0.1', destination: '10.2.0.1', protocol: UDP, upper: [1, 2] });
const reply = packetOf({ source: '10.2.0.1', destination: '10.1.0.1', protocol: UDP, upper: [2, 1] });
const layout = layOutMemory(smallCapacities);
const cipherSize = layout.regionSizes[REGION_CIPHERS]! / (2 * smallCapacities.saPairs);

/** Pair that the packet went through, or what else became of it. */
function through(engine: Dataplane, one = packet): number | string {
  const outcome = engine.outbound(one, 0);
  return outcome.kind === 'send' ? outcome.spi : reason(outcome);
}

function sequence(engine: Dataplane): number {
  return Buffer.from(sent(engine.outbound(packet, 0)).esp).readUInt32BE(4);
}

/** Octets of everything that belongs to a slot. */
function slotOctets(engine: Dataplane, slot: number): Uint8Array {
  const memory = new Uint8Array(engine.buffer);
  const part = (region: number, size: number) =>
    memory.subarray(layout.regions[region]! + slot * size, layout.regions[region]! + (slot + 1) * size);
  const parts = [part(REGION_SA_SLOTS, SA_SLOT_SIZE), part(REGION_CIPHERS, cipherSize)];
  if (slot < smallCapacities.saPairs) parts.push(part(REGION_REPLAY, REPLAY_SIZE));
  return Buffer.concat(parts);
}

function isZero(octets: Uint8Array): boolean {
  return octets.every((octet) => octet === 0);
}

describe('a renewal', () => {
  it('takes the new inbound half at once, moves outbound on use, and wipes what was replaced', () => {
    const engine = engineWithPair();
    engine.change({ install: [{ pair: pair(0x1002, 0x2003), use: false }] }, 0);
    expect(through(engine)).toBe(0x1001);
    for (const spi of [0x1001, 0x1002]) {
      const esp = referenceSeal(referenceSa(spi), 1n, reply, 4);
      expect(engine.inbound(arrival(esp), 0)).toMatchObject({ kind: 'deliver', spi });
    }
    expect(engine.snapshot(0).sad.map((row) => [row.spi, row.state])).toEqual([
      [0x1001, 'in use'],
      [0x2002, 'in use'],
      [0x1002, 'waiting'],
      [0x2003, 'waiting'],
    ]);
    engine.change({ use: [0x1002] }, 0);
    expect(through(engine)).toBe(0x1002);
    // The old inbound half still works, the old outbound half is gone without a trace.
    const late = referenceSeal(referenceSa(0x1001), 2n, reply, 4);
    expect(engine.inbound(arrival(late), 0)).toMatchObject({ kind: 'deliver', spi: 0x1001 });
    expect(isZero(slotOctets(engine, smallCapacities.saPairs + 1))).toBe(true);
    expect(engine.snapshot(0).sad.map((row) => [row.spi, row.state])).toEqual([
      [0x1001, 'old'],
      [0x1002, 'in use'],
      [0x2003, 'in use'],
    ]);
    expect(reason(engine.outboundThrough(0x1001, packet, 0))).toBe('sa-not-ready');
    // Using it again, or using the old one, changes nothing.
    engine.change({ use: [0x1002, 0x1001, 0x7777] }, 0);
    expect(through(engine)).toBe(0x1002);
    engine.change({ remove: [0x1001] }, 0);
    expect(isZero(slotOctets(engine, 1))).toBe(true);
    expect(reason(engine.inbound(arrival(late), 0))).toBe('spi-unknown');
    expect(through(engine)).toBe(0x1002);
  });

  it('may use the new pair in the same change that installs it', () => {
    const engine = engineWithPair();
    engine.change({ install: [{ pair: pair(0x1002, 0x2003), use: true }] }, 0);
    expect(through(engine)).toBe(0x1002);
  });

  it('holds packets rather than sending them through another kind while none of theirs is in use', () => {
    const engine = engineWithPair();
    const udp = { selectors: [selector('10.1.0.0/16', '10.2.0.0/16', { protocol: UDP })] };
    const before = pair(0x1003, 0x2004, udp, { kind: 'udp', precedence: -1 });
    engine.change({ install: [{ pair: before, use: false }] }, 0);
    expect(through(engine)).toBe('held');
    engine.change({ use: [0x1003] }, 0);
    expect(through(engine)).toBe(0x1003);
    // Removing it gives its packets back to the kind that also selects them.
    engine.change({ remove: [0x1003] }, 0);
    expect(through(engine)).toBe(0x1001);
  });

  it('holds packets of a kind that is known only as a precedent', () => {
    const engine = dataplane();
    const precedents = [
      { kind: 'udp', precedence: 1, selectors: [selector('0.0.0.0/0', '10.2.0.0/16', { protocol: UDP })] },
    ];
    engine.change(
      {
        spd: [protect('to-b', [network])],
        install: [{ pair: pair(0x1001, 0x2002, {}, { kind: 'rest', precedence: 2, precedents }), use: true }],
      },
      0,
    );
    expect(through(engine)).toBe('held');
    expect(through(engine, packetOf({ source: '10.1.0.1', destination: '10.2.0.1', protocol: 47 }))).toBe(
      0x1001,
    );
    expect(engine.snapshot(0).spd.map((row) => [row.order, row.state, row.kind, row.selector])).toEqual([
      [0, 'acquire', 'udp', '10.1.0.0/16 <-> 10.2.0.0/16 udp'],
      [1, 'sa', 'rest', '10.1.0.0/16 <-> 10.2.0.0/16'],
      [2, 'acquire', '', '10.1.0.0/16 <-> 10.2.0.0/16'],
    ]);
  });
});

describe('a change', () => {
  it('never disturbs other pairs: sequence numbers and windows go on over a hundred of them', () => {
    const engine = engineWithPair();
    const accepted = referenceSeal(referenceSa(0x1001), 50n, reply, 4);
    expect(reason(engine.inbound(arrival(accepted), 0))).toBe('deliver');
    const others = protect('to-c', [selector('10.1.0.0/16', '10.3.0.0/16')]);
    engine.change({ spd: [others, protect('to-b', [network])] }, 0);
    const reference = referenceSa(0x2002);
    for (let round = 1; round <= 100; round++) {
      const spi = 0x1002 + (round % 8) + 0x100 * round;
      const churn = pair(spi, 0x5000 + round, {}, { entry: 'to-c' });
      engine.change({ install: [{ pair: churn, use: true }], reserve: [0xa00f] }, 0);
      const out = sent(engine.outbound(packet, 0));
      expect(referenceOpen(reference, out.esp)?.sequence).toBe(BigInt(round));
      const block = round % 2 === 0 ? [] : [others.selectors[0]!];
      engine.change({ remove: [spi], release: [0xa00f], block: [{ entry: 'to-c', selectors: block }] }, 0);
      expect(reason(engine.inbound(arrival(accepted), 0))).toBe('replay');
    }
    expect(engine.hasIntactCanaries()).toBe(true);
    expect(engine.snapshot(0).generation).toBe(2 + 2 + 200);
  });

  it('keeps the pairs of entries that stay when the SPD is replaced, and removes those of entries that go', () => {
    const engine = engineWithPair();
    expect(sequence(engine)).toBe(1);
    const bypass = {
      name: 'local',
      selectors: [selector('10.1.0.0/16', '10.1.0.0/16')],
      action: 'BYPASS' as const,
    };
    engine.change({ spd: [bypass, protect('to-b', [selector('10.1.0.0/24', '10.2.0.0/16')])] }, 0);
    expect(sequence(engine)).toBe(2);
    // The entry is narrower now: its SA carries no more than the entry selects.
    const outside = packetOf({ source: '10.1.9.1', destination: '10.2.0.1', protocol: UDP, upper: [1, 2] });
    expect(through(engine, outside)).toBe('no-spd-entry');
    engine.change({ spd: [bypass] }, 0);
    expect(through(engine)).toBe('no-spd-entry');
    expect(engine.snapshot(0).sad).toEqual([]);
    expect(isZero(slotOctets(engine, 1))).toBe(true);
    expect(isZero(slotOctets(engine, smallCapacities.saPairs + 1))).toBe(true);
    engine.change({ spd: [protect('to-b', [network]), bypass] }, 0);
    expect(through(engine)).toBe('held');
  });

  it('removes the pairs of an entry that is no longer PROTECT', () => {
    const engine = engineWithPair();
    engine.change({ spd: [{ name: 'to-b', selectors: [network], action: 'DISCARD' }] }, 0);
    expect(through(engine)).toBe('spd-discard');
    expect(engine.snapshot(0).sad).toEqual([]);
    engine.change({ spd: [protect('to-b', [network])] }, 0);
    expect(through(engine)).toBe('held');
  });

  it('moves a pair’s peer for what is sent next', () => {
    const engine = engineWithPair();
    const peer = { address: address('198.51.100.7'), port: 61_000 };
    engine.change({ move: [{ spi: 0x1001, peer }] }, 0);
    const out = sent(engine.outbound(packet, 0));
    expect(out.to).toEqual(peer);
    expect(Buffer.from(out.outer.subarray(16, 20))).toEqual(Buffer.from(peer.address.octets));
    expect(Buffer.from(out.outer).readUInt16BE(22)).toBe(61_000);
  });

  it('gives the place of a removed pair to a request at once', () => {
    const engine = engineWithPair();
    engine.change({ remove: [0x1001], reserve: [0x9001] }, 0);
    const esp = referenceSeal(referenceSa(0x9001), 1n, reply, 4);
    expect(engine.inbound(arrival(esp), 0)).toEqual({ kind: 'held' });
    expect(isZero(slotOctets(engine, 1))).toBe(true);
    engine.change({ install: [{ pair: pair(0x9001, 0x2009), use: true }] }, 0);
    expect(engine.releaseHeld('to-b', 0).map(reason)).toEqual(['deliver']);
  });

  it('wipes the keys that it was given, and leaves none in the staging area', () => {
    const engine = dataplane();
    const one = pair(0x1001, 0x2002, { proposal: 'aes256-sha256' }, { entry: '' });
    const key = Buffer.from(one.outbound.keys.encryptionKey.reveal());
    const authenticationKey = Buffer.from(one.outbound.keys.authenticationKey.reveal());
    engine.change({ install: [{ pair: one, use: true }] }, 0);
    for (const half of [one.inbound, one.outbound]) {
      expect(isZero(half.keys.encryptionKey.reveal())).toBe(true);
      expect(isZero(half.keys.authenticationKey.reveal())).toBe(true);
      expect(isZero(half.keys.salt.reveal())).toBe(true);
    }
    expect(Buffer.from(engine.buffer).includes(key)).toBe(false);
    expect(Buffer.from(engine.buffer).includes(authenticationKey)).toBe(false);
  });

  it('gives equal IVs to no two installations of one key, by a fresh IV key', () => {
    let calls = 0;
    const random = (length: number) => new Uint8Array(length).fill(++calls);
    const ivs = [0x1001, 0x1002].map((spi) => {
      const engine = engineWithPair({ proposal: 'aes128-sha256' }, dataplane({ random }));
      const out = sent(engine.outbound(packet, 0));
      expect(spi).toBeGreaterThan(0);
      return Buffer.from(out.esp.subarray(8, 24)).toString('hex');
    });
    expect(ivs[0]).not.toBe(ivs[1]);
  });
});

describe('a change that cannot be carried out is refused whole', () => {
  const good = (spi: number) => ({ pair: pair(spi, 0x2000 + spi), use: true });
  const spoilt = (more: Parameters<typeof sa>[2]) => [{ pair: pair(0x1003, 0x2004, more), use: true }];
  const mixed = { ...network, remote: selector('::/0', '::/0').remote };
  const cases: [string, string, TableChange][] = [
    [
      'an unknown suite',
      'CONFIG_INVALID',
      {
        install: [
          {
            pair: {
              ...pair(0x1003, 0x2004),
              outbound: { ...sa('outbound', 0x2004), proposal: 'aes512gcm16' },
            },
            use: true,
          },
        ],
      },
    ],
    [
      'a key of the wrong length',
      'CONFIG_INVALID',
      {
        install: [
          {
            pair: { ...pair(0x1003, 0x2004), inbound: { ...sa('inbound', 0x1003), proposal: 'aes256gcm16' } },
            use: true,
          },
        ],
      },
    ],
    [
      'two outbound halves',
      'CONFIG_INVALID',
      { install: [{ pair: { ...pair(0x1003, 0x2004), inbound: sa('outbound', 0x1003) }, use: true }] },
    ],
    ['a window that is no power of two', 'CONFIG_INVALID', { install: spoilt({ replayWindow: 100 }) }],
    ['a window that is too large', 'CONFIG_INVALID', { install: spoilt({ replayWindow: 16384 }) }],
    ['a DSCP of 64', 'CONFIG_INVALID', { install: spoilt({ dscp: 64 }) }],
    ['a port of 65536', 'CONFIG_INVALID', { install: spoilt({ localPort: 65536 }) }],
    ['outer addresses of two families', 'CONFIG_INVALID', { install: spoilt({ local: '2001:db8::1' }) }],
    ['an SA without selectors', 'CONFIG_INVALID', { install: spoilt({ selectors: [] }) }],
    ['a selector of two families', 'CONFIG_INVALID', { install: spoilt({ selectors: [mixed] }) }],
    ['a reserved SPI', 'CONFIG_INVALID', { install: [{ pair: pair(255, 0x2004), use: true }] }],
    [
      'an entry that is not there',
      'CONFIG_INVALID',
      { install: [{ pair: pair(0x1003, 0x2004, {}, { entry: 'to-z' }), use: true }] },
    ],
    ['the place of another SA', 'CAPACITY', { install: [good(0x1003), good(0x7001)] }],
    ['the place of another request', 'CAPACITY', { reserve: [0x9005], install: [good(0x1005)] }],
    ['a reserved place that is taken', 'CAPACITY', { remove: [], reserve: [0x9001] }],
    [
      'more rows than there are',
      'CAPACITY',
      { install: spoilt({ selectors: Array.from({ length: 300 }, () => network) }) },
    ],
    [
      'too many SPD selectors',
      'CAPACITY',
      {
        spd: [
          protect(
            'to-b',
            Array.from({ length: 65 }, () => network),
          ),
        ],
      },
    ],
    [
      'too many SPD entries',
      'CAPACITY',
      { spd: Array.from({ length: 17 }, (_, index) => protect(`to-${index}`, [network])) },
    ],
    [
      'two entries of one name',
      'CONFIG_INVALID',
      { spd: [protect('to-b', [network]), protect('to-b', [network])] },
    ],
    ['an entry without selectors', 'CONFIG_INVALID', { spd: [protect('to-b', [])] }],
    ['a block of two families', 'CONFIG_INVALID', { block: [{ entry: 'to-b', selectors: [mixed] }] }],
    [
      'a move to another family',
      'CONFIG_INVALID',
      { move: [{ spi: 0x1001, peer: { address: address('2001:db8::1'), port: 1 } }] },
    ],
  ];

  it.each(cases)('%s', (_name, code, change) => {
    const engine = engineWithPair();
    const before = engine.snapshot(0);
    const rows = { install: [{ pair: pair(0x1009, 0x200a, {}, { entry: '' }), use: true }] };
    for (let round = 0; round < 300; round++) {
      expect(() => engine.change({ remove: [0x1001], ...change }, 0)).toThrowError(
        expect.objectContaining({ code, message: engine.refusal({ remove: [0x1001], ...change }) }),
      );
    }
    // Nothing of a change that was only asked about stays behind either.
    for (let round = 0; round < 300; round++)
      expect(engine.refusal({ install: [good(0x1003)] })).toBe(undefined);
    expect(engine.snapshot(0)).toEqual(before);
    // Nothing was used up by the attempts.
    engine.change(rows, 0);
    expect(sequence(engine)).toBe(1);
  });

  it('takes as many pairs as it has places, and no more', () => {
    const engine = dataplane();
    engine.change({ spd: [protect('to-b', [network])] }, 0);
    for (let place = 0; place < smallCapacities.saPairs; place++) {
      engine.change(
        { install: [{ pair: pair(0x1000 + place, 0x2000 + place, {}, { entry: '' }), use: true }] },
        0,
      );
    }
    expect(() => engine.change({ install: [good(0x2000)] }, 0)).toThrowError(
      expect.objectContaining({ code: 'CAPACITY' }),
    );
    engine.change({ remove: [0x1003] }, 0);
    engine.change({ install: [{ pair: pair(0x7003, 0x8003), use: true }] }, 0);
    expect(through(engine)).toBe(0x7003);
  });
});
