import { describe, expect, it } from 'vitest';
import { Mobility, type Passage } from '../../../../host/ike/path/mobike.ts';
import { notifyTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import { encodeNotify } from '../../../../host/ike/wire/notify.ts';
import type { PayloadValue } from '../../../../host/ike/wire/payload-chain.ts';
import { PayloadSet } from '../../../../host/ike/wire/payload-set.ts';
import { type Endpoint, parseAddress } from '../../../../host/model/address.ts';

function endpoint(text: string, port = 4500): Endpoint {
  const address = parseAddress(text);
  if (!address.ok) throw new Error(address.message);
  return { address: address.value, port };
}

const spis = { initiatorSpi: 0x1111_2222_3333_4444n, responderSpi: 0x5555_6666_7777_8888n };
const server = endpoint('203.0.113.1');
const router = endpoint('192.0.2.1');
const atRouter = (seen = router): Passage => ({ spis, local: seen, peer: server });
const atServer = (seen = router): Passage => ({ spis, local: server, peer: seen });

let counter = 0;
function end(
  role: 'initiator' | 'responder',
  more: { isSupported?: boolean; forceUdpEncapsulation?: boolean } = {},
) {
  const random = (octets: number) => new Uint8Array(octets).fill(++counter);
  return new Mobility({ role, isSupported: true, forceUdpEncapsulation: false, random, ...more });
}

function received(payloads: readonly PayloadValue[]): PayloadSet {
  const set = PayloadSet.of(payloads.map((one) => ({ ...one, critical: false })));
  if (!set.ok) throw new Error(set.message);
  return set.value;
}

const typesOf = (payloads: readonly PayloadValue[]) => received(payloads).notifies.map(({ type }) => type);
const { updateSaAddresses, natDetectionSourceIp, natDetectionDestinationIp, cookie2 } = notifyTypes;

/** The initiator's next request, which must be an update. */
function update(one: Mobility, passage: Passage): PayloadSet {
  const request = one.nextRequest(passage);
  if (request?.purpose !== 'update-addresses') throw new Error('expected an update');
  return received(request.payloads);
}

describe('an initiator that moves (RFC 4555 section 3.5)', () => {
  it('says so with NAT detection, once for each move', () => {
    const one = end('initiator');
    expect(one.nextRequest(atRouter())).toBeUndefined();
    one.move();
    const request = one.nextRequest(atRouter());
    expect(typesOf(request?.payloads ?? [])).toEqual([
      updateSaAddresses,
      natDetectionSourceIp,
      natDetectionDestinationIp,
    ]);
    expect(one.isDue).toBe(false);
    expect(one.nextRequest(atRouter())).toBeUndefined();
  });

  it.each([
    ['none', router, { localBehindNat: false, peerBehindNat: false }],
    ['one before it', endpoint('198.51.100.7', 31_000), { localBehindNat: true, peerBehindNat: false }],
  ] as const)('learns what NATs are on the new way, as the responder does: %s', (_, seen, expected) => {
    const [one, other] = [end('initiator'), end('responder')];
    one.move();
    const request = update(one, atRouter());
    expect(other.judgeUpdate(request, atServer(seen))).toEqual({
      nat: { localBehindNat: expected.peerBehindNat, peerBehindNat: expected.localBehindNat },
    });
    const answer = other.answer(request, atServer(seen));
    expect(one.acceptUpdate(received(answer.payloads), atRouter())).toEqual({ ok: true, value: expected });
  });

  it('still believes in a NAT before a responder that wants UDP encapsulation', () => {
    const [one, other] = [end('initiator'), end('responder', { forceUdpEncapsulation: true })];
    one.move();
    const answer = other.answer(update(one, atRouter()), atServer());
    expect(one.acceptUpdate(received(answer.payloads), atRouter())).toMatchObject({
      value: { localBehindNat: false, peerBehindNat: true },
    });
  });

  it.each([notifyTypes.unacceptableAddresses, notifyTypes.unexpectedNatDetected])(
    'hears that it may not: %s',
    (type) => {
      const one = end('initiator');
      one.move();
      update(one, atRouter());
      expect(one.acceptUpdate(received([encodeNotify(type)]), atRouter())).toMatchObject({
        ok: false,
        code: 'move-refused',
      });
    },
  );

  it('says nothing to a peer that does not know of it, and a responder never does', () => {
    for (const one of [end('initiator', { isSupported: false }), end('responder')]) {
      one.move();
      expect(one.canUpdate).toBe(false);
      expect(one.nextRequest(atRouter())).toBeUndefined();
    }
  });
});

describe('a responder', () => {
  it('asks whether anybody is at the new address, and believes its own cookie alone (section 3.7)', () => {
    const ask = () => {
      const [one, other] = [end('initiator'), end('responder')];
      one.move();
      other.answer(update(one, atRouter()), atServer());
      const check = other.nextRequest(atServer());
      expect(check?.purpose).toBe('check-routability');
      const cookie = received(check?.payloads ?? []).notify(cookie2)?.data ?? new Uint8Array(0);
      expect(cookie.length).toBe(16);
      return { one, other, check: received(check?.payloads ?? []) };
    };
    const good = ask();
    expect(good.other.acceptCheck(received(good.one.answer(good.check, atRouter()).payloads))).toBe(true);
    expect(ask().other.acceptCheck(received([]))).toBe(false);
    expect(ask().other.acceptCheck(received([encodeNotify(cookie2, new Uint8Array(16))]))).toBe(false);
    // An answer counts once.
    expect(good.other.acceptCheck(received(good.one.answer(good.check, atRouter()).payloads))).toBe(false);
  });

  it('goes nowhere without a notification, and neither does an initiator with one', () => {
    const payloads = received([encodeNotify(updateSaAddresses)]);
    expect(end('responder').answer(received([]), atServer())).toEqual({ payloads: [] });
    expect(end('initiator').answer(payloads, atRouter())).toEqual({ payloads: [] });
    expect(end('responder', { isSupported: false }).answer(payloads, atServer())).toEqual({ payloads: [] });
  });

  it('takes an update without NAT detection, and with addresses that it has no use for', () => {
    const payloads = received([
      encodeNotify(updateSaAddresses),
      encodeNotify(notifyTypes.additionalIp4Address, router.address.octets),
      encodeNotify(notifyTypes.noAdditionalAddresses),
    ]);
    expect(end('responder').judgeUpdate(payloads, atServer())).toEqual({});
    expect(end('responder').answer(payloads, atServer())).toEqual({ payloads: [] });
  });

  it('refuses a NAT that the initiator forbids, and lets it pass where there is none (section 3.9)', () => {
    const forbidding = (from: Endpoint, to: Endpoint) => {
      const data = new Uint8Array(12);
      data.set(from.address.octets);
      data.set(to.address.octets, 4);
      new DataView(data.buffer).setUint16(8, from.port);
      new DataView(data.buffer).setUint16(10, to.port);
      return received([encodeNotify(updateSaAddresses), encodeNotify(notifyTypes.noNatsAllowed, data)]);
    };
    const allowed = end('responder').judgeUpdate(forbidding(router, server), atServer());
    expect(allowed).toMatchObject({ refusal: undefined });
    const other = end('responder');
    const answer = other.answer(forbidding(router, server), atServer(endpoint('192.0.2.1', 4501)));
    expect(typesOf(answer.payloads)).toEqual([notifyTypes.unexpectedNatDetected]);
    expect(answer.refusal).toContain('without a NAT');
    expect(other.isDue).toBe(false);
    const cut = received([
      encodeNotify(updateSaAddresses),
      encodeNotify(notifyTypes.noNatsAllowed, new Uint8Array(3)),
    ]);
    expect(end('responder').answer(cut, atServer()).refusal).toBeDefined();
  });
});

describe('a NAT that gives the initiator another address (section 3.8)', () => {
  /** A liveness check, which the responder sees come from `seen`. */
  function check(one: Mobility, other: Mobility, seen: Endpoint, by = spis): void {
    const passage = { ...atRouter(), spis: by };
    const answer = other.answer(received(one.livenessPayloads(passage)), { ...atServer(seen), spis: by });
    one.noteLiveness(received(answer.payloads), by);
  }

  it('shows in the answer to a liveness check, and leads to an update', () => {
    const [one, other] = [end('initiator'), end('responder')];
    check(one, other, endpoint('198.51.100.7', 31_000));
    check(one, other, endpoint('198.51.100.7', 31_000));
    expect(one.isDue).toBe(false);
    check(one, other, endpoint('198.51.100.7', 31_001));
    expect(one.nextRequest(atRouter())?.purpose).toBe('update-addresses');
    check(one, other, endpoint('198.51.100.7', 31_001));
    expect(one.isDue).toBe(false);
  });

  it('is not seen in the new hashes that a rekeyed IKE SA has', () => {
    const [one, other] = [end('initiator'), end('responder')];
    check(one, other, router);
    check(one, other, router, { initiatorSpi: 9n, responderSpi: 8n });
    expect(one.isDue).toBe(false);
  });

  it('is not asked about where the peer does not know of it', () => {
    expect(end('initiator', { isSupported: false }).livenessPayloads(atRouter())).toEqual([]);
    expect(end('responder').livenessPayloads(atServer())).toEqual([]);
  });
});
