import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ask } from '../../../host/cli/control-client.ts';
import { HostError } from '../../../host/model/host-error.ts';
import { type ControlSocket, serveControl } from '../../../host/platform/control-socket.ts';

let folder = '';
let path = '';
const open: ControlSocket[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sekisho-control-'));
  path = join(folder, 'run', 'router.sock');
});

afterEach(async () => {
  for (const socket of open.splice(0)) await socket.close();
  rmSync(folder, { recursive: true });
});

async function serve(routes: Parameters<typeof serveControl>[1]): Promise<void> {
  open.push(await serveControl(path, routes));
}

function send(method: string, resource: string, body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, path: resource, method }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('the control socket', () => {
  it('answers its routes with JSON, bigints as decimal strings', async () => {
    await serve({ 'GET /sad': () => [{ packets: 18446744073709551615n }] });
    expect(await ask(path, '/sad', z.array(z.object({ packets: z.string() })))).toEqual([
      { packets: '18446744073709551615' },
    ]);
  });

  it('is open to its owner alone', async () => {
    await serve({});
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('takes the place of a socket that a crash left behind', async () => {
    await serve({ 'GET /status': () => 1 });
    // What a killed process leaves: the file without anybody listening.
    await open.splice(0)[0]?.close();
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect(statSync(path).isSocket()).toBe(true);
    await serve({ 'GET /status': () => 2 });
    expect(await ask(path, '/status', z.number())).toBe(2);
  });

  it('never takes the place of a process that answers, nor of a file', async () => {
    await serve({ 'GET /status': () => 1 });
    await expect(serveControl(path, {})).rejects.toThrow('another process already answers');
    expect(await ask(path, '/status', z.number())).toBe(1);
    const file = join(folder, 'file');
    writeFileSync(file, 'precious');
    await expect(serveControl(file, {})).rejects.toThrow('is no socket');
  });

  it('hands the body to the route, and refuses one that is too long or no JSON', async () => {
    await serve({ 'POST /echo': (body) => body });
    expect(await send('POST', '/echo', '{"a":1}')).toEqual({ status: 200, text: '{"a":1}' });
    expect((await send('POST', '/echo', '{')).status).toBe(400);
    expect((await send('POST', '/echo', JSON.stringify('x'.repeat(70_000)))).text).toContain(
      'at most 65536 octets',
    );
  });

  it('says which routes there are, and tells no details of a bug', async () => {
    await serve({
      'GET /status': () => {
        throw new Error('secret detail');
      },
      'GET /spd': () => {
        throw new HostError('PLATFORM', 'the engine is being started');
      },
    });
    expect((await send('GET', '/other')).text).toContain('GET /status, GET /spd');
    expect((await send('GET', '/constructor')).status).toBe(404);
    expect(await send('GET', '/status')).toMatchObject({
      status: 500,
      text: expect.not.stringContaining('detail'),
    });
    await expect(ask(path, '/spd', z.unknown())).rejects.toThrow('the engine is being started');
  });

  it('is gone after close', async () => {
    await serve({ 'GET /status': () => 1 });
    await open.splice(0)[0]?.close();
    await expect(ask(path, '/status', z.unknown())).rejects.toMatchObject({ code: 'CONTROL_UNREACHABLE' });
    await expect(ask(path, '/status', z.unknown())).rejects.toThrow('is it running on this machine?');
  });
});

describe('the control client', () => {
  it('says that versions differ when an answer has another form', async () => {
    await serve({ 'GET /status': () => ({ role: 'router', name: 7 }) });
    await expect(ask(path, '/status', z.object({ name: z.string() }))).rejects.toThrow(
      /a form that .* \(name: /,
    );
  });

  it('says so when whoever listens is no HTTP server', async () => {
    mkdirSync(join(folder, 'run'));
    const server = createServer((socket) => socket.resume().end('hello\r\n'));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await expect(ask(path, '/status', z.unknown())).rejects.toMatchObject({ code: 'CONTROL_UNREACHABLE' });
    await new Promise((resolve) => server.close(resolve));
  });
});
