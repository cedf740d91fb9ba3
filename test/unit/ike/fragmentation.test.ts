import { describe, expect, it } from 'vitest';
import { aes256Gcm16 } from '../../../host/ike/crypto/aead.ts';
import { curve25519 } from '../../../host/ike/crypto/curve25519.ts';
import { prfHmacSha256 } from '../../../host/ike/crypto/prf.ts';
import { IkeSa, type Received } from '../../../host/ike/ike-sa.ts';
import { defaultRetransmission } from '../../../host/ike/retransmission.ts';
import { parseUnprotected } from '../../../host/ike/sa-init/sa-init.ts';
import { findEncrypted } from '../../../host/ike/wire/encrypted.ts';
import { exchangeTypes, notifyTypes } from '../../../host/ike/wire/iana-numbers.ts';
import { encodeNotify } from '../../../host/ike/wire/notify.ts';
import type { PayloadValue } from '../../../host/ike/wire/payload-chain.ts';
import { Secret } from '../../../host/model/secret.ts';
import { hex, outcomes, Pair, seededRandom } from './ends/pair.ts';
import { headerOf, StrangeInitiator } from './ends/stranger.ts';

const informational = exchangeTypes.informational;

/** Two ends of one IKE SA, without an exchange above. */
function ends(longest: number | 'unlimited' = 150): { initiator: IkeSa; responder: IkeSa } {
  const secret = (octets: number, fill: number): Secret => new Secret(new Uint8Array(octets).fill(fill));
  const keys = () => ({
    derivation: secret(32, 1),
    integrityInitiator: secret(0, 0),
    integrityResponder: secret(0, 0),
    encryptionInitiator: secret(36, 2),
    encryptionResponder: secret(36, 3),
    authenticationInitiator: secret(32, 4),
    authenticationResponder: secret(32, 5),
  });
  const end = (role: 'initiator' | 'responder'): IkeSa =>
    new IkeSa({
      role,
      initiatorSpi: 1n,
      responderSpi: 2n,
      algorithms: { cipher: aes256Gcm16, integrity: undefined, prf: prfHmacSha256, keyExchange: curve25519 },
      keys: keys(),
      retransmission: defaultRetransmission,
      longestMessageOctets: longest === 'unlimited' ? undefined : longest,
      random: seededRandom(role),
    });
  return { initiator: end('initiator'), responder: end('responder') };
}

/** Payloads that can be told apart, in three fragments of 150 octets. */
const long: readonly PayloadValue[] = [
  encodeNotify(40_000, new Uint8Array(120).fill(7)),
  encodeNotify(40_001, new Uint8Array(60).fill(8)),
];

const receive = (end: IkeSa, bytes: Uint8Array): Received => end.receive(headerOf(bytes), bytes);

/** Type and data of the notifications of a request or response that has arrived whole. */
function read(received: Received | undefined): string[] {
  if (received?.kind !== 'request' && received?.kind !== 'response') return [];
  if (!received.payloads.ok) return [received.payloads.message];
  return received.payloads.value.notifies.map((one) => `${one.type} ${hex(one.data)}`);
}

const sent = long.map((one) => `${one.body[2]! * 256 + one.body[3]!} ${hex(one.body.subarray(4))}`);

const placeOf = (bytes: Uint8Array): string => {
  const found = findEncrypted(headerOf(bytes), bytes);
  if (!found.ok || found.value.fragment === undefined) return 'whole';
  return `${found.value.fragment.number}/${found.value.fragment.total} type ${found.value.innerType}`;
};

describe('a message that is too long', () => {
  it('goes out in fragments that are not, the first of which has the type of its first payload', () => {
    const { initiator, responder } = ends();
    const fragments = initiator.request(informational, 'liveness', long, 0);
    expect(fragments.map(placeOf)).toEqual(['1/3 type 41', '2/3 type 0', '3/3 type 0']);
    expect(fragments.map((one) => one.length)).toEqual([150, 150, 28 + 8 + 8 + (196 - 2 * 89) + 1 + 16]);
    const received = [2, 0, 1].map((index) => receive(responder, fragments[index]!));
    expect(received.map((one) => one.kind)).toEqual(['fragment', 'fragment', 'request']);
    expect(read(received[2])).toEqual(sent);
  });

  it('is laid out as RFC 7383 section 2.5 draws it', () => {
    const { initiator } = ends();
    const [, second] = initiator.request(informational, 'liveness', long, 0);
    // Next payload 53 in the header; then next payload 0, length, fragment 2 of 3, IV 2.
    expect(second![16]).toBe(53);
    expect(hex(second!.subarray(28, 44))).toBe(`0000007a 0002 0003 ${'00'.repeat(7)}02`.replaceAll(' ', ''));
  });

  it('is not cut when it just fits, and is when it has one octet more', () => {
    const fitting = (octets: number): number => {
      const { initiator } = ends(150);
      return initiator.request(informational, 'liveness', [encodeNotify(40_000, new Uint8Array(octets))], 0)
        .length;
    };
    // 28 header, 4 generic header, 8 IV, 8 notify, 1 pad length, 16 ICV
    expect(fitting(85)).toBe(1);
    expect(fitting(86)).toBe(2);
  });

  it('goes out whole to a peer that takes no fragments, which takes none either', () => {
    const { initiator, responder } = ends('unlimited');
    const messages = initiator.request(informational, 'liveness', long, 0);
    expect(messages.map(placeOf)).toEqual(['whole']);
    expect(read(receive(responder, messages[0]!))).toEqual(sent);
    const [fragment] = ends().initiator.request(informational, 'liveness', long, 0);
    expect(receive(ends('unlimited').responder, fragment!)).toMatchObject({ reason: 'unexpected' });
  });

  it('is taken whole as well, and then its fragments are forgotten', () => {
    const { initiator, responder } = ends();
    const fragments = initiator.request(informational, 'liveness', long, 0);
    receive(responder, fragments[0]!);
    const whole = ends('unlimited').initiator.request(informational, 'liveness', [encodeNotify(40_002)], 0);
    expect(read(receive(responder, whole[0]!))).toEqual(['40002 ']);
    expect(receive(responder, fragments[1]!)).toMatchObject({ reason: 'message-id' });
    const next = { ...long[0]!, body: long[0]!.body.slice().fill(1, 4) };
    for (const bytes of responder.respond(informational, 1, [])) receive(initiator, bytes);
    const requests = initiator.request(informational, 'liveness', [next, long[1]!], 0);
    const received = requests.map((bytes) => receive(responder, bytes)).at(-1);
    expect(read(received)).toEqual([`40000 ${'01'.repeat(120)}`, sent[1]]);
  });

  it('never has an IV twice, whole or in fragments, and comes again as the same octets', () => {
    const { initiator, responder } = ends();
    const ivs: string[] = [];
    for (const payloads of [long, [], long]) {
      const messages = initiator.request(informational, 'liveness', payloads, 0);
      for (const bytes of messages) {
        const found = findEncrypted(headerOf(bytes), bytes);
        if (found.ok) ivs.push(hex(bytes.subarray(found.value.bodyOffset, found.value.bodyOffset + 8)));
      }
      const due = initiator.expire(100_000);
      expect(typeof due === 'object' && due.resend.map(hex)).toEqual(messages.map(hex));
      const requests = messages.map((bytes) => receive(responder, bytes));
      expect(requests.at(-1)?.kind).toBe('request');
      const { messageId } = headerOf(messages[0]!);
      for (const bytes of responder.respond(informational, messageId, [])) receive(initiator, bytes);
    }
    expect(ivs.length).toBe(7);
    expect(new Set(ivs).size).toBe(7);
  });
});

describe('a request in fragments that comes again', () => {
  const answered = () => {
    const { initiator, responder } = ends();
    const request = initiator.request(informational, 'liveness', long, 0);
    for (const bytes of request) receive(responder, bytes);
    const response = responder.respond(informational, headerOf(request[0]!).messageId, long);
    return { initiator, responder, request, response };
  };

  it('gets all fragments of the response again, for its first fragment alone', () => {
    const { initiator, responder, request, response } = answered();
    const again = request.map((bytes) => receive(responder, bytes));
    expect(again.map((one) => one.kind)).toEqual(['repeated-request', 'fragment', 'fragment']);
    expect(again[0]).toEqual({ kind: 'repeated-request', response });
    expect(response.length).toBe(3);
    expect(read(response.map((bytes) => receive(initiator, bytes)).at(-1))).toEqual(sent);
  });

  it('gets nothing for a first fragment that is forged', () => {
    const { responder, request } = answered();
    const forged = request[0]!.slice();
    forged[50]! ^= 1;
    expect(receive(responder, forged)).toMatchObject({ kind: 'refused', reason: 'not-authentic' });
  });
});

describe('a forged fragment', () => {
  it('takes no place, whatever it says it is', () => {
    const { initiator, responder } = ends();
    const fragments = initiator.request(informational, 'liveness', long, 0);
    for (const [number, total] of [
      [1, 3],
      [2, 3],
      [1, 80],
      [9, 9],
    ] as const) {
      const forged = fragments[0]!.slice();
      new DataView(forged.buffer).setUint16(32, number);
      new DataView(forged.buffer).setUint16(34, total);
      forged[45]! ^= 1;
      expect(receive(responder, forged)).toMatchObject({ reason: 'not-authentic' });
    }
    // Its number and total are under the ICV too: a true fragment cannot be made another.
    const moved = fragments[0]!.slice();
    new DataView(moved.buffer).setUint16(32, 2);
    expect(receive(responder, moved)).toMatchObject({ reason: 'not-authentic' });
    expect(fragments.map((bytes) => receive(responder, bytes).kind)).toEqual([
      'fragment',
      'fragment',
      'request',
    ]);
  });
});

describe('a pair with small datagrams', () => {
  const small = { longestDatagramOctets: 200 };
  const fragments = (pair: Pair): number => pair.sent.filter((one) => one.bytes[16] === 53).length;

  it('comes up with IKE_AUTH in fragments, none of which is too long', () => {
    const pair = new Pair({ initiator: small, responder: small });
    pair.start();
    pair.run();
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
    expect(outcomes(pair.responderActions)).toEqual(['established']);
    const auth = pair.sent.slice(2);
    expect(auth.length).toBeGreaterThan(4);
    expect(fragments(pair)).toBe(auth.length);
    for (const { bytes } of auth) expect(bytes.length).toBeLessThanOrEqual(200 - 52);
  });

  it('sends every fragment again when one was lost, in either direction', () => {
    const pair = new Pair({ initiator: small, responder: small });
    const isLost = (toServer: boolean, bytes: Uint8Array): boolean =>
      pair.now < 6000 && bytes[16] === 53 && bytes[33] === 2 && toServer === pair.now < 4000;
    pair.link = ({ toServer, bytes }) => (isLost(toServer, bytes) ? [] : [10]);
    pair.start();
    pair.run();
    // Of the response that came again only the missing fragment was needed.
    expect(outcomes(pair.initiatorActions)).toEqual(['established', 'refused message-id']);
    expect(outcomes(pair.responderActions)).toEqual(['established']);
    const toServer = pair.sent.filter((one) => one.toServer && one.bytes[16] === 53);
    expect(toServer.length % 3).toBe(0);
    expect(new Set(toServer.map((one) => hex(one.bytes))).size).toBe(toServer.length / 3);
    expect(pair.now).toBeGreaterThan(11_000);
  });

  it('says nothing of fragments to an initiator that does not, and sends it none', () => {
    const pair = new Pair({ responder: small });
    const stranger = new StrangeInitiator();
    pair.injectToServer(stranger.request);
    const { bytes } = pair.sent[0]!;
    const payloads = parseUnprotected(headerOf(bytes), bytes);
    expect(payloads.ok && payloads.value.notify(notifyTypes.fragmentationSupported)).toBe(undefined);
    const { ikeSa, payloads: auth } = stranger.proceed(bytes);
    for (const one of ikeSa.request(exchangeTypes.ikeAuth, 'authentication', auth, 0)) {
      pair.injectToServer(one);
    }
    expect(outcomes(pair.responderActions)).toEqual(['established']);
    expect(fragments(pair)).toBe(0);
  });
});
