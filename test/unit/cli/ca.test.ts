/** The small authority, with OpenSSL as the stranger who must agree. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { authoritiesIn, revocationListsIn, Trust } from '../../../host/certificates/trust.ts';
import { AuthorityFolder, readRequest } from '../../../host/cli/ca-folder.ts';
import { HostError } from '../../../host/model/host-error.ts';
import { pemObjects } from '../../../host/model/pem.ts';
import { describeWith } from '../../requirements.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-ca-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = (name: string): string => join(folder, name);

function openssl(...args: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

function verify(pem: string, ...more: string[]) {
  writeFileSync(path('end.crt'), pem);
  return openssl('verify', '-x509_strict', '-CAfile', path('ca/ca.crt'), ...more, path('end.crt'));
}

function judge(ca: AuthorityFolder, pem: string, name: string): string {
  const trust = new Trust({
    authorities: authoritiesIn(ca.pem, 'ca.crt'),
    revocationLists: revocationListsIn(readFileSync(ca.file('ca.crl'), 'utf8'), 'ca.crl'),
    revocation: 'required',
    time: () => ({ atLeastUtcMs: Date.now(), atMostUtcMs: Date.now() }),
  });
  const octets = new TextEncoder().encode(name);
  const judged = trust.judge(pemObjects(pem, 'CERTIFICATE', 'x'), { kind: 'dns', octets });
  return judged.ok ? 'ok' : judged.code;
}

describeWith(['openssl'], 'an authority', () => {
  it.each(['p256', 'ed25519'] as const)(
    'with a key of %s issues and revokes what openssl and the server accept and refuse',
    (kind) => {
      const ca = AuthorityFolder.create(path('ca'), 'Test CA', kind, 100);
      expect(statSync(ca.file('ca.key')).mode & 0o777).toBe(0o600);
      expect(statSync(path('ca')).mode & 0o777).toBe(0o700);
      const [tokyo, osaka] = [ca.issue('tokyo', 30), ca.issue('osaka', 30)];
      ca.writeList(7);
      expect(verify(tokyo.certificatePem)).toMatchObject({ status: 0 });
      expect(judge(ca, tokyo.certificatePem, 'tokyo')).toBe('ok');
      expect(judge(ca, tokyo.certificatePem, 'osaka')).toBe('certificate-name');

      expect(ca.revoke('tokyo', 7)).toEqual([tokyo.serial]);
      const before = readFileSync(ca.file('index.json'), 'utf8');
      expect(ca.revoke('tokyo', 7)).toEqual([]);
      expect(readFileSync(ca.file('index.json'), 'utf8')).toBe(before);
      const list = ['-crl_check', '-CRLfile', ca.file('ca.crl')];
      expect(verify(tokyo.certificatePem, ...list).text).toContain('certificate revoked');
      expect(verify(osaka.certificatePem, ...list)).toMatchObject({ status: 0 });
      expect(judge(ca, tokyo.certificatePem, 'tokyo')).toBe('certificate-revoked');
      expect(judge(ca, osaka.certificatePem, 'osaka')).toBe('ok');
      // A new one for the same name is another certificate.
      expect(judge(ca, ca.issue('tokyo', 30).certificatePem, 'tokyo')).toBe('ok');
      expect(ca.index().certificates.map(({ name, revoked }) => [name, revoked !== null])).toEqual([
        ['tokyo', true],
        ['osaka', false],
        ['tokyo', false],
      ]);
    },
  );
});

describeWith(['openssl'], 'a certificate request', () => {
  const request = (...args: string[]): string => {
    execFileSync('openssl', ['req', '-new', '-nodes', '-keyout', path('key'), '-out', path('csr'), ...args], {
      stdio: 'ignore',
    });
    return path('csr');
  };
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-subj', '/CN=somebody'];

  it('of openssl gets a certificate for its key, whatever names it asks for', () => {
    const ca = AuthorityFolder.create(path('ca'), 'Test CA', 'p256', 100);
    ca.writeList(7);
    const issued = ca.issue('tokyo', 30, readRequest(request(...ec)));
    expect(issued.privateKeyPem).toBeUndefined();
    expect(verify(issued.certificatePem)).toMatchObject({ status: 0 });
    expect(judge(ca, issued.certificatePem, 'tokyo')).toBe('ok');
    expect(judge(ca, issued.certificatePem, 'somebody')).toBe('certificate-name');
    const asked = openssl('pkey', '-in', path('key'), '-pubout').text;
    expect(openssl('x509', '-in', path('end.crt'), '-noout', '-pubkey').text).toBe(asked);
  });

  it('is refused when it is changed, weak, or none', () => {
    const ca = AuthorityFolder.create(path('ca'), 'Test CA', 'p256', 100);
    const refusal = (pem: string): string => {
      try {
        ca.issue('tokyo', 30, { pem, file: 'a.csr' });
      } catch (error) {
        if (error instanceof HostError) return error.message;
        throw error;
      }
      return 'issued';
    };
    const der = Buffer.from(
      readFileSync(request(...ec), 'utf8').replace(/-----[^-]+-----|\s/g, ''),
      'base64',
    );
    const at = der.indexOf('somebody');
    der[at] = (der[at] ?? 0) ^ 1;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
    expect(refusal(forged)).toContain('a.csr: expected a signature by its own key');
    const weak = readFileSync(request('-newkey', 'rsa:1024', '-subj', '/CN=x'), 'utf8');
    expect(refusal(weak)).toContain('expected an RSA key of 2048');
    expect(refusal('nothing')).toContain('expected PEM');
    expect(ca.index().certificates).toEqual([]);
  });
});

it('is made once, and its key stays private', () => {
  const ca = AuthorityFolder.create(path('ca'), 'Test CA', 'p256', 100);
  expect(() => AuthorityFolder.create(path('ca'), 'Test CA', 'p256', 100)).toThrow(
    /has an authority already/,
  );
  execFileSync('chmod', ['640', ca.file('ca.key')]);
  expect(() => ca.issue('tokyo', 30)).toThrow(/open to other users/);
});
