import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sekisho } from '../../../host/cli/main.ts';
import type { RouterStatus, ServerStatus } from '../../../host/model/status.ts';
import { type ControlSocket, serveControl } from '../../../host/platform/control-socket.ts';

const command = new URL('../../../tools/sekisho.js', import.meta.url).pathname;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the real command, as `npx sekisho` does. */
function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (part) => {
      out += part;
    });
    child.stderr.on('data', (part) => {
      err += part;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

const routerStatus: RouterStatus = {
  role: 'router',
  name: 'tokyo',
  software: '0.1.0',
  uptimeSeconds: 432,
  channel: {
    state: 'up',
    server: 'server',
    endpoint: '192.0.2.9:4500',
    sinceSeconds: 60,
    rekeyings: { ikeSa: { count: 1, nextSeconds: 7200 }, childSa: { count: 12, nextSeconds: null } },
  },
  entries: [
    {
      name: 'to-osaka',
      action: 'PROTECT',
      requestPeer: 'osaka',
      state: 'ready',
      failure: null,
      detail: 'any',
    },
    { name: 'web', action: 'BYPASS', requestPeer: null, state: 'idle', failure: null, detail: '' },
  ],
  counters: { 'outbound packets': '12345678901234567890', 'inbound packets': 0 },
  drops: { replay: '2', icv: 0 },
  messages: {},
};

const serverStatus: ServerStatus = {
  role: 'server',
  name: 'server',
  software: '0.1.0',
  uptimeSeconds: 3,
  policies: { file: 'server.yaml', count: 1, loadedSecondsAgo: 3, problem: null, warnings: [] },
  routers: [
    {
      name: 'tokyo',
      channel: 'up',
      endpoint: '192.0.2.1:4500',
      behindNat: true,
      algorithms: 'aes256gcm16-prfsha256-x25519',
      rekeyings: { ikeSa: { count: 2, nextSeconds: 7200 }, childSa: { count: 12, nextSeconds: null } },
      sinceSeconds: 2,
      software: '0.1.0',
    },
  ],
  entries: { 'both installed': 1 },
  drops: {},
  messages: {},
};

let folder = '';
let status: RouterStatus | ServerStatus = routerStatus;
const sockets: ControlSocket[] = [];
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-commands-'));
  sockets.push(
    await serveControl(at('a.sock'), {
      'GET /status': () => status,
      'GET /spd': () => [
        {
          order: 1,
          entry: 'to-osaka',
          selector: '10.1.0.0/16 <-> 10.2.0.0/16',
          action: 'PROTECT',
          state: 'sa',
          kind: 'any',
          spi: 4096,
        },
      ],
      'GET /sad': () => [
        {
          direction: 'outbound',
          spi: 0xc0ffee00,
          pair: 4096,
          entry: 'to-osaka',
          kind: 'any',
          state: 'in use',
          proposal: 'aes256gcm16',
          protocol: 'esp',
          mode: 'tunnel',
          encapsulation: 'udp',
          peer: '192.0.2.2:4500',
          sequence: 18446744073709551615n,
          packets: 1234n,
          octets: 67_108_864n,
          remainingSeconds: 3599,
        },
      ],
      'GET /table': () => [
        {
          source: 'tokyo',
          peer: 'osaka',
          kind: 'any',
          state: 'both-installed',
          sourceSpi: 4096,
          peerSpi: null,
          revision: 3,
          remainingSeconds: null,
        },
      ],
      'GET /events': () => [
        {
          atMs: 1,
          timeMs: 1_700_000_000_000,
          where: 'tokyo',
          level: 'info',
          what: 'installed',
          detail: 'osaka',
        },
      ],
    }),
  );
});

afterAll(async () => {
  for (const socket of sockets) await socket.close();
  rmSync(folder, { recursive: true });
});

describe('sekisho status', () => {
  it('shows a router that is well, and ends with 0', async () => {
    status = routerStatus;
    const { code, out, err } = await run('status', '--socket', at('a.sock'));
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('channel  up for 1 min to server at 192.0.2.9:4500');
    expect(out).toContain('rekeyed  IKE SA once, next in 2 h; ESP 12 times\n');
    expect(out).toMatch(/^to-osaka {2}PROTECT {2}osaka +ready +any$/m);
    expect(out).toMatch(/^outbound packets +12 345 678 901 234 567 890$/m);
    expect(out).toMatch(/^replay +2$/m);
    expect(out).not.toMatch(/icv|inbound/);
  });

  it('ends with 1 when an entry has failed, and says why in the protocol’s words', async () => {
    status = {
      ...routerStatus,
      entries: [
        {
          name: 'to-osaka',
          action: 'PROTECT',
          requestPeer: 'osaka',
          state: 'failed',
          failure: 'no corresponding entry',
          detail: 'no policy for tokyo and osaka',
        },
      ],
    };
    const { code, out } = await run('status', '--socket', at('a.sock'));
    expect(code).toBe(1);
    expect(out).toMatch(/no corresponding entry +no policy for tokyo and osaka/);
  });

  it('ends with 1 when the channel is down', async () => {
    status = { ...routerStatus, channel: { ...routerStatus.channel, state: 'down', detail: 'no-response' } };
    const { code, out } = await run('status', '--socket', at('a.sock'));
    expect(code).toBe(1);
    expect(out).toContain('down for 1 min to server at 192.0.2.9:4500: no-response');
  });

  it('shows a server by what answers, and 1 when its file was not taken', async () => {
    status = serverStatus;
    const well = await run('status', '--socket', at('a.sock'));
    expect(well.code).toBe(0);
    expect(well.out).toMatch(
      /^tokyo +up +2 s +192\.0\.2\.1:4500 \(behind NAT\) +aes256gcm16-prfsha256-x25519 +2, next in 2 h +12 +0\.1\.0$/m,
    );
    status = { ...serverStatus, policies: { ...serverStatus.policies, problem: 'server.yaml:3:1: x' } };
    const ill = await run('status', '--socket', at('a.sock'));
    expect(ill.code).toBe(1);
    expect(ill.out).toContain('was not taken: server.yaml:3:1: x');
  });

  it('prints for programs by role, counts unharmed', async () => {
    status = routerStatus;
    const { out } = await run('status', '--json', '--socket', at('a.sock'));
    expect(JSON.parse(out)).toMatchObject({
      router: { name: 'tokyo', counters: { 'outbound packets': '12345678901234567890' } },
    });
  });

  it('shows what happened last', async () => {
    const { code, out } = await run('status', '--events', '--socket', at('a.sock'));
    expect(code).toBe(0);
    expect(out).toMatch(/tokyo +info +installed +osaka/);
  });

  it('ends with 3 and says what to do when nobody answers', async () => {
    const { code, out, err } = await run('status', '--socket', at('nobody.sock'));
    expect([code, out]).toEqual([3, '']);
    expect(err).toBe(
      `sekisho: nobody answers at ${at('nobody.sock')}: is it running on this machine? Start \`sekisho router\` ` +
        'or `sekisho server`, or name its socket with --socket (CONTROL_UNREACHABLE)\n',
    );
  });
});

describe('the tables', () => {
  it('of the router and the server are shown, without keys and with whole numbers for programs', async () => {
    const spd = await run('spd', '--socket', at('a.sock'));
    expect(spd.out).toMatch(
      /^1 +to-osaka +10\.1\.0\.0\/16 <-> 10\.2\.0\.0\/16 +PROTECT +sa +any +0x00001000$/m,
    );
    const sad = await run('sad', '--socket', at('a.sock'));
    expect(sad.out).toMatch(
      /^0xc0ffee00 +outbound .* 18 446 744 073 709 551 615 +1 234 +64\.0 MiB +59 min 59 s$/m,
    );
    const json = await run('sad', '--json', '--socket', at('a.sock'));
    expect(JSON.parse(json.out)[0].sequence).toBe('18446744073709551615');
    const table = await run('table', '--socket', at('a.sock'));
    expect(table.out).toMatch(/^tokyo +osaka +any +both-installed +0x00001000 +- +3 +-$/m);
  });

  it('say that a process is of the other kind when it has no such table', async () => {
    const { code, err } = await run('table', '--policies', '--socket', at('a.sock'));
    expect(code).toBe(1);
    expect(err).toContain('is it a router where a server was meant');
  });
});

describe('the command line', () => {
  it.each([
    [['nonsense']],
    [['status', '--nonsense']],
    [['server']],
    [['esp', 'seal', '--in', 'x']],
    [['policy', 'check']],
  ])('%j is wrong and ends with 2', async (args) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: .*\n/);
  });

  it('suggests what may have been meant', async () => {
    expect((await run('sttus')).err).toContain('Did you mean status?');
  });

  it('prints its version', async () => {
    expect(await run('--version')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  it('explains every command with an example and its exit codes', () => {
    const below = (one: Command): Command[] => one.commands.flatMap((sub) => [sub, ...below(sub)]);
    const all = below(sekisho()).filter((one) => !['policy', 'ca', 'esp'].includes(one.name()));
    expect(all.length).toBeGreaterThan(15);
    for (const one of all) {
      let text = '';
      one.configureOutput({
        writeOut: (part) => {
          text += part;
        },
      });
      one.outputHelp();
      expect(text, one.name()).toMatch(/Examples:\n {2}sekisho /);
      expect(text, one.name()).toMatch(/Exit codes:/);
    }
  });
});
