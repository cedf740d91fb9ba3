import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  decodeRouterMessage,
  decodeServerMessage,
  encodeMessage,
  messageCodecs,
  wipeMessage,
} from '../../../host/messages/codec.ts';
import { messageDropCodes } from '../../../host/messages/drop-codes.ts';
import { maximumMessageOctets, maximumSelectors } from '../../../host/messages/limits.ts';
import type { Distribution, Hello, Message, Request } from '../../../host/messages/message.ts';
import { Secret } from '../../../host/model/secret.ts';
import { endpoint, selector } from '../server/request-processing/scene.ts';

const envelope = { id: '0011223344556677', source: 'tokyo', peer: 'osaka', kind: 'all' };
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

function drop(datagram: Uint8Array): string {
  const decoded = decodeMessage(datagram);
  return decoded.ok ? 'a message' : decoded.code;
}

function distribution(more: Partial<Distribution> = {}): Distribution {
  const sa = (fill: number) => ({
    spi: 0x1000 + fill,
    encryptionKey: new Secret(new Uint8Array(32).fill(fill)),
    authenticationKey: new Secret(new Uint8Array(0)),
    salt: new Secret(new Uint8Array(4).fill(fill + 1)),
  });
  return {
    type: 'distribution',
    ...envelope,
    policy: {
      revision: 1,
      protocol: 'esp',
      mode: 'tunnel',
      proposal: 'aes256gcm16',
      esn: true,
      replayWindow: 1024,
      encapsulation: 'udp',
      dscp: 'copy',
      dontFragment: 'copy',
      tfcPadding: 0,
      dummiesPerSecond: 0,
      lifetimeOctets: null,
      lifetimePackets: 2n ** 40n,
    },
    outbound: sa(0xa1),
    inbound: sa(0xb1),
    remainingSeconds: 3600,
    selectors: [selector('10.1.0.0/16', '10.2.0.0/16')],
    precedence: 0,
    precedents: [],
    peerEndpoint: endpoint('192.0.2.2'),
    ...more,
  };
}

function request(more: Partial<Request> = {}): Request {
  return {
    type: 'request',
    ...envelope,
    spi: 0x1000,
    lane: 0,
    selectors: [selector('10.1.0.0/16', '10.2.0.0/16')],
    packet: null,
    startupId: null,
    ...more,
  };
}

describe('a message on the wire', () => {
  it('is the array that protocol.cddl says, octet by octet', () => {
    // Written by hand from RFC 8949 and protocol.cddl.
    const written = hex(
      `
      87                          # array of 7: version, number, id, source, peer, kind, timeMs
      01 02                       # version 1, welcome
      48 0011223344556677         # id
      65 746f6b796f               # "tokyo"
      60 60                       # no peer, no kind
      1b 0000018bcfe56800         # 1700000000000
    `.replaceAll(/#.*/g, ''),
    );
    const welcome: Message = {
      type: 'welcome',
      ...envelope,
      peer: '',
      kind: '',
      timeMs: 1_700_000_000_000,
    };
    expect(encodeMessage(welcome)).toEqual(written);
    expect(decodeMessage(Uint8Array.from(written))).toEqual({ ok: true, value: welcome });
  });

  it('writes a request as protocol.cddl says', () => {
    const written = hex(
      `
      8b 01 03 48 0011223344556677 65 746f6b796f 65 6f73616b61 63 616c6c
      19 1000                                         # spi
      00                                              # lane
      81 87                                           # one selector of 7
        82 44 0a010000 10   82 44 0a020000 10         # 10.1.0.0/16, 10.2.0.0/16
        06 f6 82 19 01bb 19 01bb f6 f6                # tcp, any local port, 443-443, no type, no code
      f6 f6                                           # no packet, no startup
    `.replaceAll(/#.*/g, ''),
    );
    const remotePorts = { first: 443, last: 443 };
    expect(
      encodeMessage(
        request({ selectors: [selector('10.1.0.0/16', '10.2.0.0/16', { protocol: 6, remotePorts })] }),
      ),
    ).toEqual(written);
  });

  it('has a number in protocol.cddl for each type, and no other', () => {
    const cddl = readFileSync(new URL('../../../host/messages/protocol.cddl', import.meta.url), 'utf8');
    const listed = [...cddl.matchAll(/^([a-z-]+)\s*= \[version, (\d+),/gm)].map(([, type, number]) => [
      type,
      Number(number),
    ]);
    const known = Object.values(messageCodecs).map(({ type, number }) => [type, number]);
    expect(listed.sort()).toEqual(known.sort());
  });
});

describe('the decoder', () => {
  it.each([
    ['', 'MESSAGE_TRUNCATED'],
    ['80', 'MESSAGE_VERSION'],
    ['8101', 'MESSAGE_TYPE'],
    ['820202', 'MESSAGE_VERSION'],
    ['820118ff', 'MESSAGE_TYPE'],
    ['820108', 'MESSAGE_FIELD_COUNT'],
    ['82010200', 'MESSAGE_TRAILING'],
    ['8201', 'MESSAGE_TRUNCATED'],
    ['9f0102ff', 'MESSAGE_FORM'],
    ['a10102', 'MESSAGE_FORM'],
    ['8201f93c00', 'MESSAGE_FORM'],
    ['8201c102', 'MESSAGE_FORM'],
    ['820121', 'MESSAGE_FORM'],
    ['82011803', 'MESSAGE_NOT_CANONICAL'],
    ['8201190003', 'MESSAGE_NOT_CANONICAL'],
    ['82011a00000003', 'MESSAGE_NOT_CANONICAL'],
    ['82011b0000000000000003', 'MESSAGE_NOT_CANONICAL'],
    ['98020102', 'MESSAGE_NOT_CANONICAL'],
    ['9b7fffffffffffffff', 'MESSAGE_TRUNCATED'],
    ['5b7fffffffffffffff', 'MESSAGE_FORM'],
    ['815b7fffffffffffffff', 'MESSAGE_TRUNCATED'],
    ['8181818181818101', 'MESSAGE_NESTING'],
    ['00', 'MESSAGE_FORM'],
    ['81ff', 'MESSAGE_FORM'],
    ['81f7', 'MESSAGE_FORM'],
  ])('drops %s as %s', (octets, code) => {
    expect(drop(hex(octets))).toBe(code);
  });

  it('drops what is too long, too deep or too many without building it', () => {
    expect(drop(new Uint8Array(maximumMessageOctets + 1))).toBe('MESSAGE_OVERSIZED');
    expect(drop(new Uint8Array(10_000).fill(0x81))).toBe('MESSAGE_NESTING');
    expect(drop(Uint8Array.of(0x99, 0x1f, 0x40, ...new Uint8Array(8000)))).toBe('MESSAGE_ITEMS');
  });

  it('says which field, what was expected and what was found, in words that hold no key', () => {
    const datagram = encodeMessage(distribution());
    const at = Buffer.from(datagram).indexOf(Buffer.from('190400', 'hex')); // replay window 1024
    datagram.set([0x19, 0x04, 0x01], at);
    expect(decodeMessage(datagram)).toEqual({
      ok: false,
      code: 'MESSAGE_FIELD_RANGE',
      message: 'policy.replayWindow: expected 0 or a power of two from 64, found 1025',
    });
  });

  it.each([
    [
      'a proposal of ESP',
      { proposal: 'aes256gcm16', encapsulation: 'raw' },
      'expected a proposal of ah, found aes256gcm16',
    ],
    ['UDP', { proposal: 'aes256gmac', encapsulation: 'udp' }, 'expected raw with ah, found udp'],
  ] as const)('neither sends nor takes AH with %s', (_, more, message) => {
    const { policy } = distribution();
    const wrong = distribution({ policy: { ...policy, protocol: 'ah', ...more } });
    expect(() => encodeMessage(wrong)).toThrow(message);
    // The octet of the protocol stands behind the revision.
    const right = distribution({ policy: { ...policy, ...more } });
    const datagram = encodeMessage(right);
    const at = Buffer.from(datagram).indexOf(Buffer.from(more.proposal)) - 3;
    expect(datagram.subarray(at - 1, at + 1)).toEqual(Uint8Array.of(1, 0));
    datagram[at] = 1;
    expect(decodeMessage(datagram)).toMatchObject({ ok: false, code: 'MESSAGE_FIELD_RANGE', message });
  });

  it.each([
    ['ports without a protocol', { remotePorts: { first: 1, last: 2 } }],
    ['ports of ICMP', { protocol: 1, localPorts: { first: 1, last: 2 } }],
    ['an ICMP type of TCP', { protocol: 6, icmpType: { first: 8, last: 8 } }],
    ['a range upside down', { protocol: 6, localPorts: { first: 2, last: 1 } }],
    ['bits beyond the prefix', { local: { ...selector('10.1.0.0/16', '10.2.0.0/16').local, length: 8 } }],
    [
      'a prefix longer than its address',
      { local: { ...selector('10.1.0.0/32', '10.2.0.0/16').local, length: 33 } },
    ],
    ['two families', { local: selector('fd00::/16', '10.2.0.0/16').local }],
  ])('refuses a selector with %s, in both directions', (_, wrong) => {
    const bad = request({ selectors: [{ ...selector('10.1.0.0/16', '10.2.0.0/16'), ...wrong }] });
    expect(() => encodeMessage(bad)).toThrow(RangeError);
  });

  it.each([
    ['a source', { source: '' }],
    ['a peer', { peer: '' }],
    ['a short name', { source: 'a'.repeat(64) }],
    ['a name of letters', { kind: 'web traffic' }],
    ['a name without control characters', { peer: 'osaka\n' }],
  ])('wants %s', (_, wrong) => {
    expect(() => encodeMessage(request(wrong))).toThrow(RangeError);
  });

  it('wants keys of the lengths that the proposal takes', () => {
    const short = distribution();
    const bad = { ...short, inbound: { ...short.inbound, encryptionKey: new Secret(new Uint8Array(16)) } };
    expect(() => encodeMessage(bad)).toThrow(
      /expected keys of 32, 0 and a salt of 4 octets with aes256gcm16/,
    );
  });

  it('takes at each end only what the other one sends', () => {
    const hello: Hello = {
      type: 'hello',
      ...envelope,
      peer: '',
      kind: '',
      boot: '0000000000000001',
      proposals: ['aes256gcm16'],
      software: 'x',
    };
    expect(decodeRouterMessage(encodeMessage(hello))).toMatchObject({ ok: true });
    expect(decodeServerMessage(encodeMessage(hello))).toMatchObject({ ok: false, code: 'MESSAGE_DIRECTION' });
    expect(decodeServerMessage(encodeMessage(distribution()))).toMatchObject({ ok: true });
    expect(decodeRouterMessage(encodeMessage(distribution()))).toMatchObject({
      ok: false,
      code: 'MESSAGE_DIRECTION',
    });
  });

  it('has a distinct counter for each reason', () => {
    expect(new Set(messageDropCodes).size).toBe(messageDropCodes.length);
  });
});

describe('key material', () => {
  it('leaves the datagram when it was read, whatever came out', () => {
    for (const length of [undefined, 150]) {
      const datagram = encodeMessage(distribution()).slice(0, length);
      decodeMessage(datagram);
      expect(datagram.every((octet) => octet === 0)).toBe(true);
    }
  });

  it('is copied, so that zeroing the datagram leaves it', () => {
    const decoded = decodeServerMessage(encodeMessage(distribution()));
    if (!decoded.ok || decoded.value.type !== 'distribution') throw new Error('not decoded');
    expect(decoded.value.outbound.encryptionKey.reveal()).toEqual(new Uint8Array(32).fill(0xa1));
    expect(decoded.value.inbound.salt.reveal()).toEqual(new Uint8Array(4).fill(0xb2));
    wipeMessage(decoded.value);
    expect(decoded.value.outbound.encryptionKey.reveal()).toEqual(new Uint8Array(32));
  });

  it('stays in no frame of the encoder: what it writes next starts from zeros', async () => {
    const { withEncoded } = await import('../../../host/messages/cbor.ts');
    let frame = new ArrayBuffer(0);
    withEncoded([1], (octets) => {
      frame = octets.buffer as ArrayBuffer;
    });
    encodeMessage(distribution());
    decodeMessage(encodeMessage(distribution()));
    expect(frame.byteLength).toBeGreaterThan(maximumMessageOctets);
    expect(Buffer.from(frame).every((octet) => octet === 0)).toBe(true);
  });

  it('is not seen by printing the message', () => {
    expect(JSON.stringify({ ...distribution(), policy: null })).not.toContain('161');
  });
});

describe('the bounds', () => {
  it('let the largest message fit a datagram', () => {
    const name = 'n'.repeat(63);
    const worst = selector(
      '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128',
      '2001:db8:ffff:ffff:ffff:ffff:ffff:fffe/128',
      {
        protocol: 132,
        localPorts: { first: 60_000, last: 65_535 },
        remotePorts: { first: 60_000, last: 65_535 },
      },
    );
    const big = 0xffff_ffff_ffff_ffffn;
    const largest = distribution({
      source: name,
      peer: name,
      kind: name,
      policy: {
        ...distribution().policy,
        revision: 0xffff_ffff,
        lifetimeOctets: big,
        lifetimePackets: big,
        dscp: 63,
      },
      selectors: Array.from({ length: maximumSelectors }, () => worst),
      precedence: 65_535,
      precedents: Array.from({ length: 16 }, () => ({
        kind: name,
        precedence: 65_535,
        selectors: Array.from({ length: 4 }, () => worst),
      })),
      peerEndpoint: endpoint('2001:db8::1', 65_535),
    });
    const datagram = encodeMessage(largest);
    expect(datagram.length).toBeLessThanOrEqual(maximumMessageOctets);
    expect(decodeMessage(datagram).ok).toBe(true);
    const more = [...largest.precedents];
    more[0] = { ...more[0]!, selectors: Array.from({ length: 5 }, () => worst) };
    expect(() => encodeMessage({ ...largest, precedents: more })).toThrow(
      /at most 64 selectors of precedents/,
    );
  });
});
