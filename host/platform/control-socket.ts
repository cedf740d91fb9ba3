/**
 * The control socket of a router or server: HTTP with JSON over a Unix socket that only the owner may open. Whoever can
 * open it may see tables and ask for what the routes offer; access is the file system's business, so there is no other
 * login. Keys never pass here, because no route has any.
 *
 * Requests are bounded in size, in number and in time: a stuck client costs one connection, for seconds.
 */
import { chmodSync, existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { HostError } from '../model/host-error.ts';

/** No command that we have comes near this. */
const maximumBodyOctets = 64 * 1024;
const maximumConnections = 16;
const requestTimeoutMs = 5000;

/**
 * Answers one method and path, named `GET /status`. What it returns becomes the JSON body, with bigints as decimal
 * strings. `body` is the request's decoded JSON, undefined when there was none: hostile until checked. A HostError
 * becomes status 400 with its code; anything else thrown is a bug and becomes 500 without details.
 */
export type ControlRoute = (body: unknown) => unknown;

export type ControlRoutes = Readonly<Record<string, ControlRoute>>;

export interface ControlSocket {
  /** Stops listening, ends open connections and removes the socket file. */
  close(): Promise<void>;
}

/**
 * Serves `routes` at the Unix socket `path`, mode 0600. Its folder is made if it is missing; a socket that a crash left
 * behind is replaced.
 *
 * @throws HostError PLATFORM when another process answers there, when the path is something else than a socket, or when it
 *   may not be created
 */
export async function serveControl(path: string, routes: ControlRoutes): Promise<ControlSocket> {
  await removeStale(path);
  const server = createServer((request, response) => void answer(routes, request, response));
  server.maxConnections = maximumConnections;
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = requestTimeoutMs;
  server.keepAliveTimeout = 1;
  try {
    await listen(server, path);
  } catch (cause) {
    throw new HostError(
      'PLATFORM',
      `cannot listen on ${path}: ${describe(cause)}; name another with --socket`,
      {
        cause,
      },
    );
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The socket is never open to others, not even between its creation and a chmod: hence the umask. */
function listen(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    try {
      // Unix sockets are bound before `listen` returns.
      server.listen(path, resolve);
    } finally {
      process.umask(umask);
    }
    if (existsSync(path)) chmodSync(path, 0o600);
  });
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new HostError(
      'PLATFORM',
      `${path} is there and is no socket; remove it or name another with --socket`,
    );
  }
  if (await answers(path)) {
    throw new HostError(
      'PLATFORM',
      `another process already answers at ${path}; stop it first, or name another with --socket`,
    );
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // ECONNREFUSED: nobody listens any more. EACCES or a full queue: somebody may, so it is not ours to remove.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

async function answer(
  routes: ControlRoutes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://control');
  const route = Object.hasOwn(routes, `${request.method} ${pathname}`)
    ? routes[`${request.method} ${pathname}`]
    : undefined;
  if (route === undefined) {
    const known = Object.keys(routes).join(', ');
    request.resume();
    return reply(response, 404, { code: 'USAGE', message: `expected one of ${known}` });
  }
  try {
    const body = await readBody(request);
    reply(response, 200, await route(body));
  } catch (error) {
    if (error instanceof HostError) reply(response, 400, { code: error.code, message: error.message });
    else
      reply(response, 500, { code: 'PLATFORM', message: 'the process failed to answer; its log says why' });
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  // Left early, the request stays open, so that the answer still reaches who sent too much.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    length += part.length;
    if (length > maximumBodyOctets) {
      throw new HostError('USAGE', `expected a body of at most ${maximumBodyOctets} octets`);
    }
    parts.push(part);
  }
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (cause) {
    throw new HostError('USAGE', 'expected a body of JSON', { cause });
  }
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one)) ?? 'null';
  // One request a connection: a command asks once and ends.
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(text);
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
