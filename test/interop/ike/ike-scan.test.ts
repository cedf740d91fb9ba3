/**
 * ike-scan asks the real setting server what it is, as a stranger on the network would: it learns what RFC 7296 says that
 * everybody may know and nothing else, and what was refused is counted.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, ServerProcess } from '../../lab/processes/server-process.ts';
import { describeWith } from '../../requirements.ts';

const server = new ServerProcess();
let port = 0;

/** What ike-scan says of the server. One question, once. */
function scan(...options: string[]): string {
  const { stdout, stderr } = spawnSync(
    'ike-scan',
    ['--nat-t', '--sport=0', `--dport=${port}`, '--retry=1', '--timeout=1500', ...options, '127.0.0.1'],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  return stdout;
}

async function refused(reason: string): Promise<number> {
  return Number((await server.status()).messages[`ike refused: ${reason}`] ?? 0);
}

describeWith(['ike-scan'], 'ike-scan', () => {
  beforeAll(async () => {
    port = await freePort();
    server.writeKey('tokyo');
    server.write(
      'server.yaml',
      `version: 1
server:
  listen: [{ address: 127.0.0.1, port: ${port} }]
  database: server.sqlite
  controlSocket: ${server.socket}
routers:
  - { name: tokyo, credential: { preSharedKeyFile: tokyo.psk }, networks: [10.1.0.0/24] }
distributionPolicies: []
`,
    );
    await server.start();
  }, 60_000);
  afterAll(() => server.end());

  it.each([
    ['its old ciphers are no proposal of ours', ['--ikev2'], 'NO_PROPOSAL_CHOSEN', 'no-proposal-chosen'],
    [
      'reserved bits are ignored (RFC 7296 section 2.5)',
      ['--ikev2', '--mbz=255'],
      'NO_PROPOSAL_CHOSEN',
      'no-proposal-chosen',
    ],
    [
      'a version to come is refused by name',
      ['--ikev2', '--headerver=0x30'],
      'INVALID_MAJOR_VERSION',
      'major-version',
    ],
  ])('is told: %s', async (_, options, answer, counter) => {
    const before = await refused(counter);
    expect(scan(...options)).toContain(answer);
    expect(await refused(counter)).toBe(before + 1);
  });

  it.each([
    ['IKEv1, main mode', [], 'major-version'],
    ['IKEv1, aggressive mode', ['--aggressive', '--id=tokyo'], 'major-version'],
    ['a response that nobody asked for', ['--ikev2', '--hdrflags=255'], 'unexpected'],
    ['an IKE_SA_INIT that is not the first message', ['--ikev2', '--hdrmsgid=7'], 'unexpected'],
    ['payloads that are not there', ['--ikev2', '--nextpayload=99'], 'malformed'],
  ])('is told nothing: %s', async (_, options, counter) => {
    const before = await refused(counter);
    expect(scan(...options)).toContain('0 returned handshake; 0 returned notify');
    expect(await refused(counter)).toBe(before + 1);
  });
});
