import { createCipheriv, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { defaultProposal, type Proposal, parseProposal, proposals } from '../../../host/model/proposal.ts';

const all = [...proposals.values()];

/** Says whether node:crypto takes a key, salt and IV of these lengths. */
function fits({ encryption, encryptionKeyOctets, saltOctets, ivOctets, icvOctets }: Proposal): boolean {
  const key = new Uint8Array(encryptionKeyOctets);
  const bits = encryptionKeyOctets * 8;
  if (encryption === 'aes-cbc') createCipheriv(`aes-${bits}-cbc`, key, new Uint8Array(ivOctets));
  else if (encryption === 'chacha20-poly1305') {
    const nonce = new Uint8Array(saltOctets + ivOctets);
    createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: icvOctets });
  } else if (encryption === 'aes-gcm') {
    const nonce = new Uint8Array(saltOctets + ivOctets);
    createCipheriv(bits === 128 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce, { authTagLength: icvOctets });
  }
  return true;
}

describe('a proposal', () => {
  it.each(all)('$keyword has lengths that its cipher takes', (proposal) => {
    expect(fits(proposal)).toBe(true);
    if (proposal.encryption.startsWith('aes'))
      expect(proposal.keyword).toContain(`aes${proposal.encryptionKeyOctets * 8}`);
  });

  it.each(all)('$keyword is looked up by its keyword', (proposal) => {
    expect(parseProposal(proposal.keyword)).toEqual({ ok: true, value: proposal });
  });

  it.each(all.filter(({ integrity }) => integrity === null))(
    '$keyword has the salt, IV and ICV of RFC 4106 sections 3.1, 4 and 6, or RFC 7634 section 2',
    (proposal) => {
      expect(proposal).toMatchObject({
        saltOctets: 4,
        ivOctets: 8,
        icvOctets: 16,
        authenticationKeyOctets: 0,
      });
      expect(proposal.integrity).toBeNull();
    },
  );

  it.each(all.filter(({ encryption }) => encryption === 'aes-cbc'))(
    '$keyword has a key as long as its hash, and the ICV of RFC 2404 or RFC 4868',
    ({ integrity, authenticationKeyOctets, icvOctets, ivOctets, saltOctets }) => {
      const [, hash = '', bits] = integrity?.split('-') ?? [];
      expect(authenticationKeyOctets).toBe(createHmac(hash, 'x').digest().length);
      expect(icvOctets * 8).toBe(Number(bits));
      expect([ivOctets, saltOctets]).toEqual([16, 0]);
    },
  );

  it('is never encryption without integrity', () => {
    const combined = ['aes-gcm', 'chacha20-poly1305'];
    for (const { encryption, integrity } of all)
      expect(combined.includes(encryption)).toBe(integrity === null);
  });

  it.each([
    '',
    'aes256',
    'AES256GCM16',
    'aes256gcm16 ',
    'null',
    'null-aes256gcm16',
    '3des-sha1',
    '__proto__',
    'constructor',
  ])('is not %j, and what is one is listed', (keyword) => {
    const parsed = parseProposal(keyword);
    expect(parsed).toMatchObject({ ok: false, code: 'PROPOSAL' });
    expect(!parsed.ok && parsed.message).toContain('aes128-sha256');
  });

  it('has a default that there is', () => {
    expect(proposals.has(defaultProposal)).toBe(true);
  });
});
