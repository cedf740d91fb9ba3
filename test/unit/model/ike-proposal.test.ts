import { describe, expect, it } from 'vitest';
import { defaultChildProposals, parseChildProposal } from '../../../host/model/child-proposal.ts';
import { defaultIkeProposals, parseIkeProposal } from '../../../host/model/ike-proposal.ts';

const found = (keyword: string) => {
  const parsed = parseIkeProposal(keyword);
  return parsed.ok ? parsed.value : parsed.message;
};
const foundChild = (keyword: string) => {
  const parsed = parseChildProposal(keyword);
  return parsed.ok ? parsed.value : parsed.message;
};

describe('an IKE proposal', () => {
  it('is read by strongSwan’s keywords', () => {
    expect(found('aes256gcm16-prfsha384-ecp384')).toMatchObject({
      ciphers: ['aes256gcm16'],
      integrities: [],
      prfs: ['prfsha384'],
      keyExchanges: ['ecp384'],
      legacy: false,
    });
    expect(found('aes256-sha256-modp2048')).toMatchObject({
      ciphers: ['aes256'],
      integrities: ['sha256'],
      prfs: ['prfsha256'],
      keyExchanges: ['modp2048'],
    });
    expect(found('chacha20poly1305-prfsha256-curve25519')).toMatchObject({ keyExchanges: ['x25519'] });
    expect(found('aes128-sha1-modp1024')).toContain('"sha1", "modp1024"');
  });

  it('may have several algorithms of a type, in the order in which they are written', () => {
    expect(found('aes128-aes256-sha512-sha256-prfsha384-modp3072-x25519')).toMatchObject({
      ciphers: ['aes128', 'aes256'],
      integrities: ['sha512', 'sha256'],
      prfs: ['prfsha384'],
      keyExchanges: ['modp3072', 'x25519'],
    });
  });

  it('may have ML-KEM on top of the key exchange', () => {
    expect(found('aes256gcm16-prfsha256-x25519-ke1_mlkem768')).toMatchObject({
      keyExchanges: ['x25519'],
      additionalKeyExchange: 'mlkem768',
    });
    expect(found('aes256gcm16-prfsha256-x25519')).toMatchObject({ additionalKeyExchange: undefined });
    expect(found('aes256gcm16-prfsha256-ke1_mlkem768')).toContain('no key exchange');
    expect(found('aes256gcm16-prfsha256-mlkem768')).toContain('"mlkem768"');
    expect(found('aes256gcm16-prfsha256-x25519-ke1_mlkem768-ke1_mlkem768')).toContain('something twice');
  });

  it('with modp1536 is legacy', () => {
    expect(found('aes256gcm16-prfsha256-x25519-modp1536')).toMatchObject({ legacy: true });
  });

  it.each([
    ['', 'found "" in ""'],
    ['aes256gcm16', 'no key exchange'],
    ['aes256gcm16-x25519', 'no PRF'],
    ['prfsha256-x25519', 'no cipher'],
    ['aes256-prfsha256-x25519', 'no integrity'],
    ['aes256gcm16-sha256-prfsha256-x25519', 'an integrity beside a combined mode'],
    ['aes256gcm16-aes256-sha256-x25519', 'both kinds of cipher'],
    ['aes256gcm16-prfsha256-x25519-curve25519', 'something twice'],
    ['AES256GCM16-prfsha256-x25519', '"AES256GCM16"'],
    ['aes256gcm16-prfsha256-x25519-', '"" in'],
    ['toString-prfsha256-x25519', '"toString"'],
  ])('%j is refused: %s', (keyword, reason) => {
    expect(found(keyword)).toContain(reason);
  });

  it('of the defaults is nothing legacy', () => {
    expect(defaultIkeProposals.some(({ legacy }) => legacy)).toBe(false);
    expect(defaultChildProposals.some(({ legacy }) => legacy)).toBe(false);
  });
});

describe("a proposal for the channel's ESP", () => {
  it('is a proposal of ESP with what IKE settles besides', () => {
    expect(foundChild('aes256gcm16')).toMatchObject({
      esp: { keyword: 'aes256gcm16' },
      keyExchanges: [],
      esn: [true, false],
    });
    expect(foundChild('aes128-sha256-ecp256-x25519-noesn')).toMatchObject({
      esp: { keyword: 'aes128-sha256' },
      keyExchanges: ['ecp256', 'x25519'],
      esn: [false],
    });
    expect(foundChild('chacha20poly1305-modp1536-noesn-esn')).toMatchObject({
      esn: [false, true],
      legacy: true,
    });
  });

  it.each([
    'null-sha256',
    'aes256gmac',
    'aes256gcm8',
    'aes256ccm16',
    'aes256ctr-sha256',
    '3des-sha1',
    'aes256-sha1',
    'aes256-aescmac',
    'sha256',
    'aes256',
    'x25519',
    'aes256gcm16-esn-esn',
    'aes256gcm16-x25519-curve25519',
    'aes256gcm16-prfsha256',
    '',
  ])('is not %j', (keyword) => {
    expect(foundChild(keyword)).toContain(`found ${JSON.stringify(keyword)}`);
  });
});
