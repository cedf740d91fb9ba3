/** The client's side of a web server that nobody trusts: what it serves, what it refuses to serve, and what it does instead. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { HostError } from '../../../host/model/host-error.ts';
import { updateServer } from '../../../host/platform/update-server.ts';
import { Refusal } from '../../../host/release/refusal.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/releases`;
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const piece of pieces) found.push(piece);
  return Buffer.concat(found);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Refusal) return error.code;
  throw error ?? new Error('it was not refused');
}

it('fetches files below its address, and the rest of one by Range', async () => {
  const asked: string[] = [];
  const address = await serve((request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? ''}`);
    const [, from = '0'] = /bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
    const isPart = request.headers.range !== undefined;
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(isPart ? 206 : 200, isPart ? { 'content-range': range } : {});
    response.end(content.subarray(Number(from)));
  });
  const source = updateServer(address);
  expect(Buffer.from((await source.file('metadata/x.json', 1_000_000))!).equals(content)).toBe(true);
  expect((await all(source.octets('targets/y', 123_456))).equals(content.subarray(123_456))).toBe(true);
  expect(asked).toEqual(['/releases/metadata/x.json ', '/releases/targets/y bytes=123456-']);
});

it('passes over what it has when the server knows no Range', async () => {
  const source = updateServer(await serve((_, response) => void response.end(content)));
  expect((await all(source.octets('y', 200_000))).equals(content.subarray(200_000))).toBe(true);
});

it('stops reading when it has enough', async () => {
  let closed = 0;
  const address = await serve((_, response) => {
    response.on('close', () => closed++);
    const more = (): void => {
      if (!response.destroyed) response.write(content, more);
    };
    more();
  });
  for await (const _ of updateServer(address).octets('y', 0)) break;
  await expect.poll(() => closed).toBe(1);
});

it('knows a file that is not there', async () => {
  const source = updateServer(await serve((_, response) => void response.writeHead(404).end('no')));
  expect(await source.file('x', 100)).toBeUndefined();
  expect(await codeOf(all(source.octets('x', 0)))).toBe('UNREACHABLE');
});

it.each([
  ['an error', (response: ServerResponse) => response.writeHead(500).end()],
  [
    'another place',
    (response: ServerResponse) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  ],
  [
    'another part than was asked for',
    (response: ServerResponse) => response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('12345'),
  ],
  [
    'a line that breaks off',
    (response: ServerResponse) =>
      response.writeHead(200, { 'content-length': 100 }).write('x', () => response.destroy()),
  ],
  ['no HTTP', (response: ServerResponse) => response.socket?.end('garbage\r\n\r\n')],
])('refuses %s', async (_, answer) => {
  const source = updateServer(await serve((_request, response) => void answer(response)));
  expect(await codeOf(source.file('x', 1000))).toBe('UNREACHABLE');
  expect(await codeOf(all(source.octets('x', 3)))).toBe('UNREACHABLE');
});

it('takes no more than was announced, however long it goes on', async () => {
  const address = await serve((_, response) => {
    const more = (): void => {
      if (!response.destroyed) response.write(content, more);
    };
    more();
  });
  expect(await codeOf(updateServer(address).file('x', 1_000_000))).toBe('TOO_LONG');
});

it('says that nobody is there', async () => {
  const address = await serve(() => undefined);
  server?.close();
  await new Promise((resolve) => server?.once('close', resolve));
  expect(await codeOf(updateServer(address).file('x', 1))).toBe('UNREACHABLE');
});

it.each(['releases.example.net', 'ftp://host/', 'file:///etc/passwd', 'http://'])(
  'is no address: %s',
  (address) => {
    expect(() => updateServer(address)).toThrow(HostError);
  },
);
