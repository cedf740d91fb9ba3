import { describe, expect, it } from 'vitest';
import { IkeHeader } from '../../../../host/ike/wire/header.ts';
import {
  equalIdentities,
  formatIdentity,
  fqdnIdentity,
  fqdnOf,
  parseIdentification,
} from '../../../../host/ike/wire/identification.ts';
import { encodeDeleteEsp, encodeNotify, parseDelete, parseNotify } from '../../../../host/ike/wire/notify.ts';
import { encodeMessage, splitPayloads } from '../../../../host/ike/wire/payload-chain.ts';
import { PayloadSet } from '../../../../host/ike/wire/payload-set.ts';
import {
  encodeSecurityAssociation,
  parseSecurityAssociation,
} from '../../../../host/ike/wire/security-association.ts';
import { hex } from '../ends/pair.ts';

const octets = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

describe('a message', () => {
  const message = encodeMessage(
    {
      initiatorSpi: 0x0102030405060708n,
      responderSpi: 0n,
      exchangeType: 34,
      fromInitiator: true,
      isResponse: false,
      messageId: 0,
    },
    [encodeNotify(16390, Uint8Array.of(0xaa, 0xbb)), { type: 40, body: new Uint8Array(16) }],
  );

  it('is laid out as RFC 7296 sections 3.1 and 3.2 draw it', () => {
    expect(hex(message)).toBe(
      `0102030405060708 0000000000000000 29 20 22 08 00000000 0000003a
       28 00 000a 00 00 4006 aabb
       00 00 0014 ${'00'.repeat(16)}`.replaceAll(/\s/g, ''),
    );
  });

  it('is read back as it was', () => {
    const header = IkeHeader.check(message);
    expect(header.ok && header.value).toMatchObject({
      initiatorSpi: 0x0102030405060708n,
      nextPayload: 41,
      majorVersion: 2,
    });
    const chain = splitPayloads(41, message, 28);
    expect(chain.ok && chain.value.payloads.map((payload) => [payload.type, payload.body.length])).toEqual([
      [41, 6],
      [40, 16],
    ]);
  });

  it('may not have octets behind its last payload, nor payloads behind the Encrypted one', () => {
    expect(splitPayloads(40, octets('00 00 0004 00')).ok).toBe(false);
    expect(splitPayloads(46, octets('28 00 0004 00 00 0004')).ok).toBe(false);
    expect(splitPayloads(0, octets('')).ok).toBe(true);
  });

  it('may not have thousands of payloads', () => {
    const many = octets(`${'29000008 00000001'.repeat(64)}00000008 00000001`);
    expect(splitPayloads(41, many).ok).toBe(false);
    expect(splitPayloads(41, octets(`${'29000008 00000001'.repeat(63)}00000008 00000001`)).ok).toBe(true);
  });
});

describe('a set of payloads', () => {
  const payload = (type: number, critical = false) => ({ type, critical, body: new Uint8Array(4) });

  it('has each of the single ones once', () => {
    expect(PayloadSet.of([payload(33), payload(33)]).ok).toBe(false);
    expect(PayloadSet.of([payload(43), payload(43), payload(41), payload(41)]).ok).toBe(true);
  });

  it('tells of the first unknown critical one only; the bit means nothing on known ones', () => {
    const known = PayloadSet.of([payload(33, true), payload(49)]);
    expect(known.ok && known.value.unsupportedCritical).toBeUndefined();
    const unknown = PayloadSet.of([payload(49), payload(200, true), payload(201, true)]);
    expect(unknown.ok && unknown.value.unsupportedCritical).toBe(200);
  });
});

describe('a Security Association payload', () => {
  const esp = {
    number: 1,
    protocolId: 3,
    spi: Uint8Array.of(0xc0, 0xff, 0xee, 1),
    transforms: [
      { type: 1, id: 20, keyBits: 256 },
      { type: 5, id: 1 },
      { type: 5, id: 0 },
    ],
  };

  it('is laid out as RFC 7296 section 3.3 draws it', () => {
    expect(hex(encodeSecurityAssociation([esp]).body)).toBe(
      '00000028 01030403 c0ffee01 0300000c 01000014 800e0100 03000008 05000001 00000008 05000000'.replaceAll(
        ' ',
        '',
      ),
    );
  });

  it('is read back as it was, several proposals in order', () => {
    const parsed = parseSecurityAssociation(encodeSecurityAssociation([esp, { ...esp, number: 2 }]).body);
    expect(parsed.ok && parsed.value.map((one) => [one.number, one.transforms.length])).toEqual([
      [1, 3],
      [2, 3],
    ]);
  });

  it.each([
    ['a transform more than it says', '0000001c 01010001 03000008 02000005 00000008 04 00001f 00'],
    ['a length beyond its end', '00000028 01010001 00000008 02000005'],
    ['another marker than 0 or 2', '01000010 01010001 00000008 02000005'],
    ['an attribute cut short', '00000012 01010001 0000000a 01000014 800e'],
    ['nothing at all', ''],
    ['an SPI longer than itself', '00000008 0101ff00'],
  ])('with %s is refused', (_, text) => {
    expect(parseSecurityAssociation(octets(text)).ok).toBe(false);
  });

  it('marks a transform with an attribute that is unknown here', () => {
    const parsed = parseSecurityAssociation(octets('00000014 01010001 0000000c 01000014 800f0001'));
    expect(parsed.ok && parsed.value[0]!.transforms[0]).toMatchObject({
      hasUnknownAttribute: true,
      keyBits: undefined,
    });
  });
});

describe('Notify and Delete payloads', () => {
  it('are read with SPIs of the length that they state', () => {
    const notify = parseNotify(octets('03 04 002c 11223344 ff'));
    expect(notify.ok && [notify.value.type, hex(notify.value.spi), hex(notify.value.data)]).toEqual([
      44,
      '11223344',
      'ff',
    ]);
    expect(parseNotify(octets('03 04 002c 112233')).ok).toBe(false);
    const deleted = parseDelete(encodeDeleteEsp([1, 0xfffffffe]).body);
    expect(deleted.ok && deleted.value).toEqual({ protocolId: 3, spis: [1, 0xfffffffe] });
  });

  it.each([
    '01 00 0001',
    '01 04 0001 00000000',
    '03 04 0001',
    '03 08 0001 0000000000000001',
    '03 04 0000 00',
  ])('as %s are refused', (text) => {
    expect(parseDelete(octets(text)).ok).toBe(false);
  });
});

describe('an identity', () => {
  it('is equal by type and octets', () => {
    expect(equalIdentities(fqdnIdentity('a.example'), fqdnIdentity('a.example'))).toBe(true);
    expect(equalIdentities(fqdnIdentity('a.example'), fqdnIdentity('A.example'))).toBe(false);
    expect(equalIdentities(fqdnIdentity('a'), { type: 11, data: Uint8Array.of(97) })).toBe(false);
  });

  it('shows a name as it is and anything else in hex, so that a log stays a log', () => {
    expect(formatIdentity(fqdnIdentity('router-a.example'))).toBe('router-a.example');
    expect(formatIdentity({ type: 2, data: Uint8Array.of(10, 65) })).toBe('ID_FQDN 0x0a41');
    expect(formatIdentity({ type: 3, data: fqdnIdentity('a@b.example').data })).toBe(
      'ID_RFC822_ADDR a@b.example',
    );
    expect(formatIdentity({ type: 9, data: new Uint8Array(500) })).toBe(
      `ID_DER_ASN1_DN 0x${'00'.repeat(32)}…`,
    );
    expect(formatIdentity({ type: 201, data: Uint8Array.of(1) })).toBe('type 201 0x01');
  });

  it('is a name only as ID_FQDN: the same letters of another type are not the same peer', () => {
    const { data } = fqdnIdentity('tokyo');
    expect(fqdnOf(fqdnIdentity('tokyo'))).toBe('tokyo');
    for (const type of [1, 3, 5, 9, 11, 201]) expect(fqdnOf({ type, data })).toBeUndefined();
    expect(fqdnOf({ type: 2, data: Uint8Array.of(0x74, 0, 0x6f) })).toBeUndefined();
  });

  it('has the length of its type', () => {
    expect(parseIdentification(octets('01000000 c0000201')).ok).toBe(true);
    expect(parseIdentification(octets('01000000 c00002')).ok).toBe(false);
    expect(parseIdentification(octets('02000000')).ok).toBe(false);
  });
});
