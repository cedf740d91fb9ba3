import { createCipheriv, createHmac, getCipherInfo } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  defaultAhProposal,
  defaultProposal,
  describeProposal,
  type Encryption,
  parseProposal,
  proposalForms,
  proposalFormsOf,
  proposals,
  proposalsOf,
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
    for (const protocol of ['esp', 'ah'] as const) {
      const forms = proposalFormsOf[protocol].replace('or legacy: ', '').split(/, (?![^{]*\})/);
      expect(forms.flatMap(expand).sort()).toEqual(
        proposalsOf(protocol)
          .map(({ keyword }) => keyword)
          .sort(),
      );
      expect(proposalForms).toContain(proposalFormsOf[protocol]);
    }
  });

  it('is for ESP, for AH, or with GMAC for either; AH has no encryption', () => {
    expect(new Set(all.map(({ protocols }) => protocols.join()))).toEqual(new Set(['esp', 'ah', 'esp,ah']));
    for (const { encryption, integrity, encryptionKeyOctets, protocols } of all) {
      expect(protocols.length === 2).toBe(encryption === 'aes-gmac');
      if (protocols.join() === 'ah') {
        expect([encryption, encryptionKeyOctets]).toEqual(['null', 0]);
        expect(integrity).not.toBeNull();
      }
    }
    // strongSwan's ah_proposals: the integrity alone.
    expect(proposalsOf('ah').map(({ keyword }) => keyword)).toEqual([
      'aes256gmac',
      'aes128gmac',
      'aes192gmac',
      'sha512',
      'sha384',
      'sha256',
      'sha1',
      'aescmac',
      'md5',
    ]);
  });

  it('has a default that there is, and that nobody is warned of', () => {
    expect(proposals.get(defaultProposal)?.protocols).toEqual(['esp']);
    expect(proposalWarnings(defaultProposal)).toEqual([]);
    expect(proposals.get(defaultAhProposal)?.protocols).toEqual(['ah']);
    expect(proposalWarnings(defaultAhProposal)).toEqual(['not encrypted']);
  });

  it('warns of what is broken and of what encrypts nothing', () => {
    for (const { keyword, legacy } of all) {
      expect(legacy, keyword).toBe(/des|md5/.test(keyword));
      expect(proposalWarnings(keyword).includes('legacy'), keyword).toBe(legacy);
      expect(proposalWarnings(keyword).includes('not encrypted'), keyword).toBe(
        /^null|gmac$|^[^-]*$/.test(keyword) && !/gcm|ccm|chacha/.test(keyword),
      );
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
