import { describe, expect, it } from 'vitest';
import { AeadOpener, AeadSealer, aes256Gcm16 } from '../../../../host/ike/crypto/aead.ts';
import {
  findEncrypted,
  innerPayloads,
  openEncrypted,
  sealMessages,
} from '../../../../host/ike/wire/encrypted.ts';
import { headerOctets, writeHeader } from '../../../../host/ike/wire/header.ts';
import { encodeNotify } from '../../../../host/ike/wire/notify.ts';
import { Secret } from '../../../../host/model/secret.ts';
import { hex } from '../ends/pair.ts';
import { headerOf, whole } from '../ends/stranger.ts';

const key = (): Secret => new Secret(new Uint8Array(36).fill(7));
const header = {
  initiatorSpi: 1n,
  responderSpi: 2n,
  exchangeType: 37,
  fromInitiator: true,
  isResponse: false,
  messageId: 3,
};

/** A protected message with `plaintext` as it stands in the Encrypted payload, behind `inFront` in the clear. */
function sealed(plaintext: Uint8Array, innerType: number, inFront = new Uint8Array(0)): Uint8Array {
  const bodyOffset = headerOctets + inFront.length + 4;
  const octets = new Uint8Array(bodyOffset + 8 + plaintext.length + 16);
  writeHeader(octets, header, inFront.length === 0 ? 46 : 43);
  octets.set(inFront, headerOctets);
  octets[bodyOffset - 4] = innerType;
  new DataView(octets.buffer).setUint16(bodyOffset - 2, octets.length - bodyOffset + 4);
  octets.set(new AeadSealer(aes256Gcm16, key()).seal(octets.subarray(0, bodyOffset), plaintext), bodyOffset);
  return octets;
}

function open(octets: Uint8Array) {
  const encrypted = findEncrypted(headerOf(octets), octets);
  if (!encrypted.ok) return encrypted;
  const plaintext = openEncrypted(new AeadOpener(aes256Gcm16, key()), octets, encrypted.value);
  return plaintext.ok ? innerPayloads(encrypted.value.innerType, plaintext.value) : plaintext;
}

const notify = Uint8Array.of(0, 0, 0, 8, 0, 0, 0x40, 0);

describe('a protected message', () => {
  it('opens as it was sealed', () => {
    const sealer = new AeadSealer(aes256Gcm16, key());
    const message = whole(sealMessages(sealer, header, [encodeNotify(16384)], undefined));
    const opened = open(message);
    expect(opened.ok && opened.value.map((payload) => [payload.type, hex(payload.body)])).toEqual([
      [41, '00004000'],
    ]);
    expect(message.length).toBe(28 + 4 + 8 + 8 + 1 + 16);
  });

  it('may be padded with anything by its sender (RFC 7296 section 3.14)', () => {
    const opened = open(sealed(Uint8Array.of(...notify, 9, 8, 7, 3), 41));
    expect(opened.ok && opened.value.length).toBe(1);
    expect(open(sealed(Uint8Array.of(1, 1), 0)).ok).toBe(true);
  });

  it.each([
    ['more padding than there is', Uint8Array.of(...notify, 9)],
    ['nothing, not even a pad length', new Uint8Array(0)],
    ['a pad length that cuts into its payloads', Uint8Array.of(...notify, 1)],
    ['octets behind its payloads', Uint8Array.of(...notify, 5, 0)],
  ])('with %s is the authenticated peer’s mistake', (_, plaintext) => {
    expect(open(sealed(plaintext, 41))).toMatchObject({ ok: false, code: 'INVALID_SYNTAX' });
  });

  it('may not hold another Encrypted payload', () => {
    expect(open(sealed(Uint8Array.of(0, 0, 0, 4, 0), 46))).toMatchObject({ code: 'INVALID_SYNTAX' });
  });

  it('may have payloads in the clear in front, which are authenticated and not read', () => {
    const vendorId = Uint8Array.of(46, 0, 0, 6, 0xaa, 0xbb);
    const message = sealed(Uint8Array.of(...notify, 0), 41, vendorId);
    const opened = open(message);
    expect(opened.ok && opened.value.map((payload) => payload.type)).toEqual([41]);
    message[headerOctets + 4]! ^= 1;
    expect(open(message)).toMatchObject({ code: 'NOT_AUTHENTIC' });
  });
});
