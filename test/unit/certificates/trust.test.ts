import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseCertificate } from '../../../host/certificates/certificate.ts';
import { authoritiesIn, revocationListsIn, Trust } from '../../../host/certificates/trust.ts';
import type { CertificateName } from '../../../host/model/certificate-trust.ts';
import type { RevocationPolicy } from '../../../host/model/credential-sources.ts';
import type { TimeBounds } from '../../../host/model/trusted-time.ts';
import { describeWith } from '../../requirements.ts';
import { type Issued, type OpensslAuthority, OpensslFolder } from './openssl-authority.ts';

let folder: OpensslFolder;
let root: OpensslAuthority;
let tokyo: Issued;
beforeAll(() => {
  folder = new OpensslFolder();
  root = folder.authority('root');
  tokyo = root.issue('tokyo');
});
afterAll(() => folder.remove());

const dayMs = 86_400_000;
/** Well within the day that certificates here are valid. */
const now = Date.now() + 3_600_000;
const name = (text: string): CertificateName => ({ kind: 'dns', octets: new TextEncoder().encode(text) });

interface TrustChanges {
  readonly lists?: string;
  readonly revocation?: RevocationPolicy;
  readonly time?: TimeBounds;
  readonly onExpired?: () => void;
}

function trust(authority: OpensslAuthority, changes: TrustChanges = {}): Trust {
  return new Trust({
    authorities: authoritiesIn(authority.pem, 'ca.crt'),
    revocationLists: changes.lists === undefined ? [] : revocationListsIn(changes.lists, 'ca.crl'),
    revocation: changes.revocation ?? 'ifPresent',
    time: () => changes.time ?? { atLeastUtcMs: now, atMostUtcMs: now + 1000 },
    ...(changes.onExpired === undefined ? {} : { onExpired: changes.onExpired }),
  });
}

/** `ok`, or the code of the refusal. */
function verdict(
  authority: OpensslAuthority,
  chain: readonly Uint8Array[],
  wanted = name('tokyo'),
  changes: TrustChanges = {},
): string {
  const judged = trust(authority, changes).judge(chain, wanted);
  return judged.ok ? 'ok' : judged.code;
}

describeWith(['openssl'], 'a certificate by a trusted authority', () => {
  it('is accepted, and gives its key', () => {
    const judged = trust(root).judge(tokyo.chain, name('tokyo'));
    expect(judged.ok && judged.value.publicKey.asymmetricKeyType).toBe('ec');
  });

  it.each(['p256', 'p384', 'ed25519', 'rsa'] as const)('may have a key of %s', (key) => {
    const authority = folder.authority(`root-${key}`, { key });
    const { chain } = authority.issue('tokyo', { key });
    expect(verdict(authority, chain)).toBe('ok');
  });

  it('may be signed with RSA-PSS', () => {
    const authority = folder.authority('root-pss', { key: 'rsa', pss: true });
    expect(verdict(authority, authority.issue('tokyo', { key: 'rsa', pss: true }).chain)).toBe('ok');
  });

  it('names the authority for CERTREQ by the SHA-1 of its key, as openssl computes it', () => {
    // For a key of ours openssl's subjectKeyIdentifier is the hash of the bare key; of the whole it is this.
    const [hash] = trust(root).authorityKeyHashes;
    expect(hash).toHaveLength(20);
  });

  it('is refused by another authority of the same name, and without any', () => {
    const other = new OpensslFolder();
    try {
      expect(verdict(other.authority('root'), tokyo.chain)).toBe('certificate-untrusted');
    } finally {
      other.remove();
    }
    expect(verdict(folder.authority('stranger'), tokyo.chain)).toBe('certificate-untrusted');
    expect(verdict(root, [])).toBe('certificate-untrusted');
  });
});

describeWith(['openssl'], 'names', () => {
  it('must be the very one: no other letters, no wildcard, no part, no common name', () => {
    expect(verdict(root, tokyo.chain, name('osaka'))).toBe('certificate-name');
    expect(verdict(root, tokyo.chain, name('Tokyo'))).toBe('certificate-name');
    expect(verdict(root, tokyo.chain, name('toky'))).toBe('certificate-name');
    const wildcard = root.issueDer('any', { extensions: ['subjectAltName=DNS:*.example'] });
    expect(verdict(root, [wildcard], name('tokyo.example'))).toBe('certificate-name');
    const bare = root.issueDer('tokyo', { extensions: ['basicConstraints=CA:FALSE'] });
    expect(verdict(root, [bare])).toBe('certificate-name');
  });

  it('may be one of several, an e-mail address, an IP address, or the whole subject', () => {
    const several = root.issueDer('tokyo', {
      extensions: ['subjectAltName=DNS:a,DNS:tokyo,email:tokyo@example.net,IP:192.0.2.7,IP:2001:db8::7'],
    });
    expect(verdict(root, [several])).toBe('ok');
    const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);
    const email = new TextEncoder().encode('tokyo@example.net');
    expect(verdict(root, [several], { kind: 'email', octets: email })).toBe('ok');
    expect(verdict(root, [several], { kind: 'dns', octets: email })).toBe('certificate-name');
    expect(verdict(root, [several], { kind: 'address', octets: octets(192, 0, 2, 7) })).toBe('ok');
    expect(verdict(root, [several], { kind: 'address', octets: octets(192, 0, 2, 8) })).toBe(
      'certificate-name',
    );
    const ipv6 = octets(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7);
    expect(verdict(root, [several], { kind: 'address', octets: ipv6 })).toBe('ok');
    const parsed = parseCertificate(several);
    const subject = Buffer.from(parsed.ok ? parsed.value.subject : '', 'hex');
    expect(verdict(root, [several], { kind: 'subject', octets: subject })).toBe('ok');
    expect(verdict(root, [several], { kind: 'subject', octets: subject.subarray(1) })).toBe(
      'certificate-name',
    );
  });
});

describeWith(['openssl'], 'chains', () => {
  let office: OpensslAuthority;
  let chain: readonly Uint8Array[];
  beforeAll(() => {
    office = root.authority('office');
    chain = office.authority('desk').issue('tokyo').chain;
  });

  it('lead through several authorities, in any order, with the root or without', () => {
    expect(chain).toHaveLength(3);
    expect(verdict(root, chain)).toBe('ok');
    expect(verdict(root, [chain[0]!, chain[2]!, chain[1]!])).toBe('ok');
    expect(verdict(root, [...chain, root.der])).toBe('ok');
    expect(verdict(office, chain)).toBe('ok');
  });

  it('need every link', () => {
    expect(verdict(root, [chain[0]!, chain[2]!])).toBe('certificate-untrusted');
    expect(verdict(root, chain.slice(0, 2))).toBe('certificate-untrusted');
  });

  it('keep to the path length', () => {
    const short = folder.authority('short', { pathLength: 0 });
    expect(verdict(short, short.issue('tokyo').chain)).toBe('ok');
    expect(verdict(short, short.authority('below').issue('tokyo').chain)).toBe('certificate-untrusted');
    const one = folder.authority('one', { pathLength: 1 });
    const below = one.authority('below');
    expect(verdict(one, below.issue('tokyo').chain)).toBe('ok');
    expect(verdict(one, below.authority('lower').issue('tokyo').chain)).toBe('certificate-untrusted');
  });

  it('never lead through what is no authority', () => {
    const end = root.authority('end', { extensions: ['basicConstraints=critical,CA:FALSE'] });
    expect(verdict(root, end.issue('tokyo').chain)).toBe('certificate-untrusted');
    const bare = root.authority('bare', { extensions: ['subjectKeyIdentifier=hash'] });
    expect(verdict(root, bare.issue('tokyo').chain)).toBe('certificate-untrusted');
    const signer = root.authority('signer', {
      extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=digitalSignature'],
    });
    expect(verdict(root, signer.issue('tokyo').chain)).toBe('certificate-untrusted');
  });

  it('are bounded in number', () => {
    expect(
      verdict(
        root,
        Array.from({ length: 8 }, () => tokyo.chain[0]!),
      ),
    ).toBe('ok');
    expect(
      verdict(
        root,
        Array.from({ length: 9 }, () => tokyo.chain[0]!),
      ),
    ).toBe('certificate-malformed');
  });

  it('do not run in circles', () => {
    // Each vouches for the other: two authorities with each other's names.
    const other = folder.authority('circle');
    const first = other.authority('loop');
    expect(verdict(root, [first.issue('tokyo').chain[0]!, first.der, other.der, first.der])).toBe(
      'certificate-untrusted',
    );
  });
});

describeWith(['openssl'], 'what a certificate may be used for', () => {
  const judged = (extensions: readonly string[]): string =>
    verdict(root, [root.issueDer('tokyo', { extensions: ['subjectAltName=DNS:tokyo', ...extensions] })]);

  it('must allow IKE, where it says anything', () => {
    expect(judged([])).toBe('ok');
    expect(judged(['keyUsage=digitalSignature'])).toBe('ok');
    expect(judged(['keyUsage=nonRepudiation'])).toBe('ok');
    expect(judged(['keyUsage=keyEncipherment'])).toBe('certificate-untrusted');
    expect(judged(['extendedKeyUsage=1.3.6.1.5.5.7.3.17'])).toBe('ok');
    expect(judged(['extendedKeyUsage=anyExtendedKeyUsage'])).toBe('ok');
    expect(judged(['extendedKeyUsage=serverAuth'])).toBe('certificate-untrusted');
  });

  it('must be understood where it is critical, and names may not be constrained', () => {
    expect(judged(['1.2.3.4=critical,DER:0500'])).toBe('certificate-malformed');
    expect(judged(['1.2.3.4=DER:0500'])).toBe('ok');
    const narrow = root.authority('narrow', {
      extensions: ['basicConstraints=critical,CA:TRUE', 'nameConstraints=permitted;DNS:osaka'],
    });
    expect(verdict(root, narrow.issue('tokyo').chain)).toBe('certificate-malformed');
  });
});

describeWith(['openssl'], 'algorithms', () => {
  it.each(['md5', 'sha1'])('%s is refused in a signature', (hash) => {
    const rsa = folder.authority(`signs-${hash}`, { key: 'rsa' });
    expect(verdict(rsa, [rsa.issueDer('tokyo', { hash })])).toBe('certificate-algorithm');
    const weak = rsa.authority('weak', { hash });
    expect(verdict(rsa, weak.issue('tokyo').chain)).toBe('certificate-algorithm');
  });

  it.each(['rsa1024', 'p521'] as const)('a key of %s is refused', (key) => {
    expect(verdict(root, [root.issueDer('tokyo', { key })])).toBe('certificate-algorithm');
  });
});

describeWith(['openssl'], 'time', () => {
  it('ends a certificate, and the one above it', () => {
    const late = { atLeastUtcMs: now + 2 * dayMs, atMostUtcMs: now + 2 * dayMs };
    let seen = 0;
    expect(verdict(root, tokyo.chain, name('tokyo'), { time: late, onExpired: () => seen++ })).toBe(
      'certificate-expired',
    );
    expect(seen).toBe(1);
  });

  it('can be too early only where there is an upper bound', () => {
    const early = { atLeastUtcMs: now - 2 * dayMs, atMostUtcMs: now - 2 * dayMs };
    expect(verdict(root, tokyo.chain, name('tokyo'), { time: early })).toBe('certificate-expired');
    expect(verdict(root, tokyo.chain, name('tokyo'), { time: { atLeastUtcMs: 0 } })).toBe('ok');
  });
});

describeWith(['openssl'], 'revocation lists', () => {
  let authority: OpensslAuthority;
  let office: OpensslAuthority;
  let gone: Issued;
  let here: Issued;
  let below: Issued;
  let lists: string;
  beforeAll(() => {
    authority = folder.authority('revoking');
    office = authority.authority('office');
    [gone, here] = [authority.issue('tokyo'), authority.issue('tokyo')];
    below = office.issue('tokyo');
    authority.revoke(gone.file);
    lists = authority.revocationList();
  });
  const judged = (chain: readonly Uint8Array[], changes: TrustChanges): string =>
    verdict(authority, chain, name('tokyo'), changes);

  it('refuse what is in them, and nothing else', () => {
    for (const revocation of ['ifPresent', 'required'] as const) {
      expect(judged(gone.chain, { lists, revocation })).toBe('certificate-revoked');
      expect(judged(here.chain, { lists, revocation })).toBe('ok');
    }
    expect(judged(gone.chain, {})).toBe('ok');
  });

  it('must be there for each authority of the path where they are required', () => {
    expect(judged(here.chain, { revocation: 'required' })).toBe('certificate-expired');
    expect(judged(below.chain, { lists, revocation: 'required' })).toBe('certificate-expired');
    expect(judged(below.chain, { lists, revocation: 'ifPresent' })).toBe('ok');
    const both = lists + office.revocationList();
    expect(judged(below.chain, { lists: both, revocation: 'required' })).toBe('ok');
  });

  it('end: required, nothing is accepted any more; otherwise what they revoke stays revoked', () => {
    // The certificates are valid for a day, this list for half an hour of it.
    const ended = authority.revocationList(['-crlsec', '1800']);
    expect(judged(here.chain, { lists: ended, revocation: 'required' })).toBe('certificate-expired');
    expect(judged(here.chain, { lists: ended, revocation: 'ifPresent' })).toBe('ok');
    expect(judged(gone.chain, { lists: ended, revocation: 'ifPresent' })).toBe('certificate-revoked');
    // One beside it that is in force will do.
    expect(judged(here.chain, { lists: ended + lists, revocation: 'required' })).toBe('ok');
  });

  it('of another authority say nothing', () => {
    const forger = new OpensslFolder();
    try {
      // Same name, other key: it revokes a certificate of the true one.
      const forged = forger.authority('revoking');
      forged.revoke(here.file);
      expect(judged(here.chain, { lists: forged.revocationList() })).toBe('ok');
      expect(judged(here.chain, { lists: forged.revocationList(), revocation: 'required' })).toBe(
        'certificate-expired',
      );
    } finally {
      forger.remove();
    }
  });
});

describeWith(['openssl'], 'hostile octets', () => {
  let der: Uint8Array;
  beforeAll(() => {
    [der] = tokyo.chain as [Uint8Array];
  });

  it('never throw: every truncation, every flipped bit', { timeout: 60_000 }, () => {
    const judge = trust(root);
    const found = new Map<string, number>();
    const note = (octets: Uint8Array): void => {
      const judged = judge.judge([octets], name('tokyo'));
      const key = judged.ok ? 'ok' : judged.code;
      found.set(key, (found.get(key) ?? 0) + 1);
    };
    for (let length = 0; length < der.length; length++) note(der.subarray(0, length));
    expect([...found.keys()]).toEqual(['certificate-malformed']);
    found.clear();
    for (let bit = 0; bit < der.length * 8; bit++) {
      const flipped = der.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      note(flipped);
    }
    // Whatever is flipped, the signature or the form is wrong.
    expect(found.get('ok')).toBeUndefined();
    expect(found.get('certificate-untrusted')).toBeGreaterThan(50);
  });

  it('are refused when they are too many, trailing, or nested without end', () => {
    expect(verdict(root, [new Uint8Array(16 * 1024 + 1)])).toBe('certificate-malformed');
    expect(verdict(root, [Buffer.concat([der, Buffer.of(0)])])).toBe('certificate-malformed');
    const nested = new Uint8Array(16 * 1024).fill(0x30);
    for (let at = 1; at < nested.length; at += 2) nested[at] = 0x80;
    expect(verdict(root, [nested])).toBe('certificate-malformed');
    expect(verdict(root, [der, nested])).toBe('certificate-malformed');
  });
});
