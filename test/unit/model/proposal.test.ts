import { createCipheriv, createHmac, getCipherInfo } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  defaultProposal,
  describeProposal,
  type Encryption,
  parseProposal,
  proposalForms,
  proposals,
  proposalWarnings,
} from '../../../host/model/proposal.ts';

const all = [...proposals.values()];

/** OpenSSL's names; single DES is triple DES with one key thrice. */
function cipherName(encryption: Encryption, keyOctets: number): string | undefined {
  if (encryption === 'null') return undefined;
  if (encryption === 'chacha20-poly1305') return encryption;
  if (encryption === 'des-cbc' || encryption === '3des-cbc') return 'des-ede3-cbc';
  const mode = encryption === 'aes-gmac' ? 'gcm' : encryption.slice(4);
  return `aes-${keyOctets * 8}-${mode}`;
}

/** What the braces of `forms` stand for. */
function expand(forms: string): string[] {
  const [, before = '', choices, after = ''] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(forms) ?? [];
  if (choices === undefined) return [forms];
  return choices.split(',').flatMap((choice) => expand(before + choice + after));
}

describe('a proposal', () => {
  it.each(all)('$keyword has lengths that its cipher takes', (proposal) => {
    const { encryption, encryptionKeyOctets, saltOctets, ivOctets, icvOctets } = proposal;
    const name = cipherName(encryption, encryptionKeyOctets);
    if (name === undefined) {
      expect([encryptionKeyOctets, saltOctets, ivOctets]).toEqual([0, 0, 0]);
      return;
    }
    const keyOctets = encryption === 'des-cbc' ? 3 * encryptionKeyOctets : encryptionKeyOctets;
    // RFC 3686 section 4: the block counter is behind the nonce.
    const counterOctets = encryption === 'aes-ctr' ? 4 : 0;
    const nonceOctets = saltOctets + ivOctets + counterOctets;
    expect(getCipherInfo(name, { keyLength: keyOctets, ivLength: nonceOctets })).toBeDefined();
    if (proposal.integrity === null) {
      const parameters = [new Uint8Array(keyOctets), new Uint8Array(nonceOctets)] as const;
      createCipheriv(name as 'aes-128-gcm', ...parameters, { authTagLength: icvOctets });
    }
    if (encryption.startsWith('aes')) expect(proposal.keyword).toContain(`aes${encryptionKeyOctets * 8}`);
  });

  it.each(all)('$keyword is looked up by its keyword', (proposal) => {
    expect(parseProposal(proposal.keyword)).toEqual({ ok: true, value: proposal });
  });

  it.each(all.filter(({ integrity }) => integrity === null))(
    '$keyword has the salt, IV and ICV of RFC 4106, RFC 4309, RFC 4543 or RFC 7634',
    ({ encryption, keyword, saltOctets, ivOctets, icvOctets, authenticationKeyOctets }) => {
      expect([saltOctets, ivOctets, authenticationKeyOctets]).toEqual([
        encryption === 'aes-ccm' ? 3 : 4,
        8,
        0,
      ]);
      const [, stated = '16'] = /[gc]cm(\d+)$/.exec(keyword) ?? [];
      expect(icvOctets).toBe(Number(stated));
    },
  );

  it.each(all.filter(({ integrity }) => integrity !== null))(
    '$keyword has a key as long as its hash or block, and the ICV that the name says',
    ({ integrity, authenticationKeyOctets, icvOctets }) => {
      const [kind, hash = '', bits = '96'] = integrity?.split('-') ?? [];
      const octets = kind === 'hmac' ? createHmac(hash, 'x').digest().length : 16;
      expect([authenticationKeyOctets, icvOctets * 8]).toEqual([octets, Number(bits)]);
    },
  );

  it('is never encryption without integrity', () => {
    const combined = ['aes-gcm', 'aes-ccm', 'aes-gmac', 'chacha20-poly1305'];
    for (const { encryption, integrity } of all)
      expect(combined.includes(encryption)).toBe(integrity === null);
  });

  it.each([
    '',
    'aes256',
    'AES256GCM16',
    'aes256gcm16 ',
    'aes256gcm',
    'null',
    'null-aes256gcm16',
    'aes128gcm16-sha256',
    'blowfish-sha1',
    '__proto__',
    'constructor',
  ])('is not %j, and what is one is told', (keyword) => {
    const parsed = parseProposal(keyword);
    expect(parsed).toMatchObject({ ok: false, code: 'PROPOSAL' });
    expect(!parsed.ok && parsed.message).toContain(proposalForms);
  });

  it('is one of the forms that messages tell, and they tell no others', () => {
    const forms = proposalForms.replace('or legacy: ', '').split(/, (?![^{]*\})/);
    expect(forms.flatMap(expand).sort()).toEqual([...proposals.keys()].sort());
  });

  it('has a default that there is, and that nobody is warned of', () => {
    expect(proposals.has(defaultProposal)).toBe(true);
    expect(proposalWarnings(defaultProposal)).toEqual([]);
  });

  it('warns of what is broken and of what encrypts nothing', () => {
    for (const { keyword, legacy } of all) {
      expect(legacy, keyword).toBe(/des|md5/.test(keyword));
      expect(proposalWarnings(keyword).includes('legacy'), keyword).toBe(legacy);
      expect(proposalWarnings(keyword).includes('not encrypted'), keyword).toBe(/^null|gmac$/.test(keyword));
    }
    expect(describeProposal('null-md5')).toBe('null-md5 (legacy, not encrypted)');
    expect(describeProposal('aes128gcm16')).toBe('aes128gcm16');
    expect(describeProposal('from-a-newer-router')).toBe('from-a-newer-router');
  });

  it('has the legacy ones last, so that no choice by order takes one before another', () => {
    const legacy = all.map((proposal) => proposal.legacy);
    expect(legacy.indexOf(true)).toBe(legacy.lastIndexOf(false) + 1);
  });
});
