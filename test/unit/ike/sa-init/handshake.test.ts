import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { natDetectionHash } from '../../../../host/ike/path/nat-detection.ts';
import { fqdnIdentity } from '../../../../host/ike/wire/identification.ts';
import { sharedKey } from '../../../../host/model/credentials.ts';
import {
  actionsOf,
  endpoint,
  hex,
  inner,
  key,
  outcomes,
  Pair,
  routerEndpoint,
  serverIdentity,
} from '../ends/pair.ts';

describe('a handshake over a link without faults', () => {
  const pair = new Pair();
  pair.start(0xc0ffee);
  pair.run();
  const [atRouter] = actionsOf(pair.initiatorActions, 'established');
  const [atServer] = actionsOf(pair.responderActions, 'established');

  it('takes four messages and two round trips', () => {
    expect(pair.sent.map((one) => one.toServer)).toEqual([true, false, true, false]);
    expect(pair.now).toBe(40);
    expect(outcomes(pair.initiatorActions)).toEqual(['established']);
    expect(outcomes(pair.responderActions)).toEqual(['established']);
  });

  it('gives both ends the same keys, crosswise', () => {
    const revealed = (end: typeof atRouter, direction: 'inbound' | 'outbound'): string[] => [
      hex(end!.childSa[direction].encryptionKey.reveal()),
      hex(end!.childSa[direction].salt.reveal()),
    ];
    expect(revealed(atRouter, 'inbound')).toEqual(revealed(atServer, 'outbound'));
    expect(revealed(atRouter, 'outbound')).toEqual(revealed(atServer, 'inbound'));
    expect(revealed(atRouter, 'inbound')).not.toEqual(revealed(atRouter, 'outbound'));
    expect(atRouter!.childSa.inbound.encryptionKey.length).toBe(32);
    expect(atRouter!.childSa.inbound.salt.length).toBe(4);
  });

  it('gives each end the SPI that the other one chose, with extended sequence numbers', () => {
    expect(atRouter!.childSa).toMatchObject({ inboundSpi: 0xc0ffee, outboundSpi: 0x1000, esn: true });
    expect(atServer!.childSa).toMatchObject({ inboundSpi: 0x1000, outboundSpi: 0xc0ffee, esn: true });
  });

  it('agrees on the traffic selectors, seen from each side', () => {
    expect(atRouter!.childSa.localTrafficSelectors).toEqual([inner(1)]);
    expect(atRouter!.childSa.remoteTrafficSelectors).toEqual([inner(100)]);
    expect(atServer!.childSa.localTrafficSelectors).toEqual([inner(100)]);
    expect(atServer!.childSa.remoteTrafficSelectors).toEqual([inner(1)]);
  });

  it('finds no NAT and names the peer', () => {
    expect(atRouter).toMatchObject({ natDetected: false, peerIdentity: serverIdentity });
    expect(atServer).toMatchObject({ natDetected: false, peer: routerEndpoint });
  });

  it('has nothing more to do', () => {
    expect(pair.initiator.nextDeadline()).toBeUndefined();
    expect(pair.responders.nextDeadline()).toBeUndefined();
    expect(pair.responders.halfOpenCount).toBe(0);
    expect(pair.responders.size).toBe(1);
  });
});

describe('a handshake that is refused', () => {
  const run = (options: ConstructorParameters<typeof Pair>[0]): Pair => {
    const pair = new Pair(options);
    pair.start();
    return pair.run();
  };

  it('fails on a wrong pre-shared key, at both ends, without a CHILD SA', () => {
    const pair = run({ initiator: { credentials: sharedKey(key('wrong')) } });
    expect(outcomes(pair.initiatorActions)).toEqual(['failed authentication-failed']);
    expect(outcomes(pair.responderActions)).toEqual(['refused authentication-failed']);
    expect(pair.responders.size).toBe(0);
  });

  it('fails the same way on an unknown identity', () => {
    const pair = run({ initiator: { identity: fqdnIdentity('stranger.example') } });
    expect(outcomes(pair.initiatorActions)).toEqual(['failed authentication-failed']);
    expect(outcomes(pair.responderActions)).toEqual(['refused authentication-failed']);
    expect(pair.sent.length).toBe(4);
  });

  it('fails when the server is asked for under another name', () => {
    const pair = run({ initiator: { peerIdentity: fqdnIdentity('other.example') } });
    expect(outcomes(pair.initiatorActions)).toEqual(['failed authentication-failed']);
  });

  it('ends the IKE SA when the inner addresses are not granted', () => {
    const pair = run({ initiator: { localTrafficSelectors: [inner(2)] } });
    expect(outcomes(pair.initiatorActions)).toEqual(['failed ts-unacceptable']);
    expect(outcomes(pair.responderActions)).toEqual(['refused ts-unacceptable']);
    expect(pair.responders.size).toBe(0);
    expect(pair.initiator.isOver).toBe(true);
  });

  it('says so when the data plane has no room', () => {
    const pair = run({ responder: { allocateSpi: () => undefined } });
    expect(outcomes(pair.initiatorActions)).toEqual(['failed no-additional-sas']);
    expect(outcomes(pair.responderActions)).toEqual(['refused no-additional-sas']);
  });

  it('gives up after the last retransmission when nobody answers', () => {
    const pair = run({ link: () => [] });
    expect(outcomes(pair.initiatorActions)).toEqual(['failed no-response']);
    expect(pair.sent.length).toBe(6);
    // 4 + 7.2 + 12.96 + 23.328 + 41.9904 + 75.58272 s, as in strongSwan's documentation
    expect(pair.now).toBeCloseTo(165_061.12, 1);
    const [first] = pair.sent;
    expect(pair.sent.every((one) => hex(one.bytes) === hex(first!.bytes))).toBe(true);
  });
});

describe('NAT detection', () => {
  it('tells both ends when a NAT rewrites the initiator', () => {
    const pair = new Pair({ nat: endpoint(50, 61_234) });
    pair.start();
    pair.run();
    const [atRouter] = actionsOf(pair.initiatorActions, 'established');
    const [atServer] = actionsOf(pair.responderActions, 'established');
    expect(atRouter).toMatchObject({ natDetected: true, localBehindNat: true, peerBehindNat: false });
    expect(atServer).toMatchObject({ natDetected: true, localBehindNat: false, peerBehindNat: true });
    expect(atServer!.peer).toEqual(endpoint(50, 61_234));
  });

  it('sees a NAT that keeps the port', () => {
    const pair = new Pair({ nat: endpoint(50) });
    pair.start();
    pair.run();
    expect(actionsOf(pair.responderActions, 'established')[0]).toMatchObject({ peerBehindNat: true });
  });

  it('hashes SPIs, address and port as RFC 7296 section 2.23 says', () => {
    const octets = Buffer.from('0000000000000001' + '0000000000000002' + 'c0000232' + '1194', 'hex');
    const expected = createHash('sha1').update(octets).digest('hex');
    expect(hex(natDetectionHash({ initiatorSpi: 1n, responderSpi: 2n }, endpoint(50)))).toBe(expected);
  });

  it('lets an initiator ask for UDP encapsulation where there is none', () => {
    const pair = new Pair({ initiator: { forceUdpEncapsulation: true } });
    pair.start();
    pair.run();
    expect(actionsOf(pair.responderActions, 'established')[0]).toMatchObject({ peerBehindNat: true });
    expect(actionsOf(pair.initiatorActions, 'established')[0]).toMatchObject({ natDetected: false });
  });
});
