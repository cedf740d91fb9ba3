import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CertificateName } from '../../../host/model/certificate-trust.ts';
import { fail, ok } from '../../../host/model/result.ts';
import { parsePolicyFile } from '../../../host/server/distribution-policies/policy-file.ts';
import { ServerCredentials } from '../../../host/server/server-credentials.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const validity = { warnFromUtcMs: 1, untilUtcMs: 2 };
const { routers } = parsePolicyFile(
  `version: 1
server: { certificate: { certificateFile: server.crt, privateKeyFile: server.key, caFile: ca.crt } }
routers:
  - { name: tokyo, credential: { router: certificate, server: certificate }, networks: [10.1.0.0/16] }
`,
  'server.yaml',
);
const tokyo: CertificateName = { kind: 'dns', octets: new TextEncoder().encode('tokyo') };
const [live, replayed] = [[Uint8Array.of(1)], [Uint8Array.of(2)]];

/** Credentials with an authority that has taken the chain which starts with `revoked` back. */
function credentials(revoked?: readonly Uint8Array[]): ServerCredentials {
  return new ServerCredentials(routers, new Map(), {
    own: { chain: [], privateKey, validity },
    digest: String(revoked?.[0]),
    trust: {
      authorityKeyHashes: [],
      judge: ([own]) =>
        own?.[0] === revoked?.[0]?.[0]
          ? fail('certificate-revoked', 'it is revoked')
          : ok({ publicKey, validity }),
    },
  });
}

describe('a router with a certificate is expelled', () => {
  /** The server's credentials after `live` let tokyo in, and a chain that it did not prove was shown. */
  function shown(): ServerCredentials {
    const before = credentials();
    before.certificateTrust?.accepted?.(live, tokyo);
    expect(before.certificateTrust?.judge(replayed, tokyo).ok).toBe(true);
    return before;
  }

  it('when the chain is revoked that let it in, whatever others have shown since', () => {
    expect(credentials(live).expelledSince(shown())).toEqual(['tokyo']);
  });

  it('not when one is revoked that somebody else has shown', () => {
    expect(credentials(replayed).expelledSince(shown())).toEqual([]);
  });

  it('also when there was a reload in between', () => {
    const between = credentials(replayed);
    expect(between.expelledSince(shown())).toEqual([]);
    expect(credentials(live).expelledSince(between)).toEqual(['tokyo']);
  });
});

describe('certificates since a time', () => {
  /** Up to when `judge` is asked for `name`; the server knows kobe and 192.0.2.7. */
  function sinceOf(name: CertificateName): number | undefined {
    const asked: (number | undefined)[] = [];
    const settings = parsePolicyFile(
      `version: 1
server: { certificate: { certificateFile: server.crt, privateKeyFile: server.key, caFile: ca.crt } }
routers:
  - { name: kobe, credential: { router: certificate, server: certificate }, networks: [10.1.0.0/16], certificatesSince: 2026-11-01T00:00:00Z }
  - { name: 192.0.2.7, credential: { router: certificate, server: certificate }, networks: [10.2.0.0/16], certificatesSince: 2026-11-02T00:00:00Z }
`,
      'server.yaml',
    );
    const held = new ServerCredentials(settings.routers, new Map(), {
      own: { chain: [], privateKey, validity },
      digest: '',
      trust: {
        authorityKeyHashes: [],
        judge: (_, __, since) => {
          asked.push(since);
          return ok({ publicKey, validity });
        },
      },
    });
    held.certificateTrust?.judge([], name);
    return asked[0];
  }
  const octets = (text: string): Uint8Array => new TextEncoder().encode(text);

  it('hold for a router by its name, also for one that looks like an address', () => {
    expect(sinceOf({ kind: 'dns', octets: octets('kobe') })).toBe(Date.UTC(2026, 10, 1));
    expect(sinceOf({ kind: 'dns', octets: octets('192.0.2.7') })).toBe(Date.UTC(2026, 10, 2));
  });

  it('are not asked for by octets that read like a name and are an address', () => {
    expect(sinceOf({ kind: 'address', octets: octets('kobe') })).toBeUndefined();
  });
});
