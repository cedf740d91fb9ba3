/**
 * The real `sekisho server` as a process of its own on loopback, with its files in a temporary folder, as a user without
 * any privilege. Whatever happens in a test, `end` stops the process and removes the folder.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { z } from 'zod';
import { ask } from '../../../host/cli/control-client.ts';
import {
  eventRowSchema,
  managementRowSchema,
  policyRowSchema,
  serverStatusSchema,
} from '../../../host/model/status.ts';

const root = join(import.meta.dirname, '../../..');
const node = join(root, 'node_modules/.bin/node');
const nobody = 65534;
/** A loaded machine is slow to start a process; a hanging one is noticed all the same. */
const patienceMs = 30_000;

/** How to run a program without privileges: another user where that is possible, at least without capabilities. */
const prefixes: readonly (readonly string[])[] =
  process.getuid?.() === 0
    ? [
        ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--no-new-privs', '--'],
        ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--'],
      ]
    : [[]];

const unprivileged = prefixes.find((prefix) => {
  const [program = node, ...args] = [...prefix, node, '-v'];
  return spawnSync(program, args, { cwd: root }).status === 0;
});

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ServerProcess {
  readonly folder = mkdtempSync(join(tmpdir(), 'sekisho-server-process-'));
  readonly file = join(this.folder, 'server.yaml');
  readonly socket = join(this.folder, 'control.sock');
  readonly database = join(this.folder, 'server.sqlite');
  /** Everything that all lives of the process wrote, standard output and standard error. */
  output = '';
  #child: ChildProcess | undefined;

  constructor() {
    this.#own(this.folder);
  }

  /** Writes a file that belongs to the server's user. */
  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.folder, name), content, { mode: 0o600 });
    this.#own(join(this.folder, name));
  }

  /** A pre-shared key, written and returned as text. */
  writeKey(router: string): string {
    const key = randomBytes(32).toString('base64');
    this.write(`${router}.psk`, `${key}\n`);
    return key;
  }

  #own(path: string): void {
    if (unprivileged?.includes(`--reuid=${nobody}`)) chownSync(path, nobody, nobody);
  }

  /** Starts the process without waiting for it. */
  spawn(): ChildProcess {
    if (unprivileged === undefined) throw new Error('setpriv (util-linux) is needed to drop privileges');
    const command = [...unprivileged, node, 'host/cli/main.ts', 'server', '--config', this.file];
    const child = spawn(command[0] ?? node, command.slice(1), {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        this.output += text;
      });
    }
    this.#child = child;
    return child;
  }

  /** Starts the process and waits until it answers. */
  async start(): Promise<void> {
    const child = this.spawn();
    await eventually('the server answers', async () => {
      if (child.exitCode !== null) throw new Error(`the server ended:\n${this.output}`);
      return (await this.status()).role === 'server';
    });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals): Promise<Ended> {
    this.#child?.kill(signal);
    return await this.ended();
  }

  async ended(): Promise<Ended> {
    const child = this.#child;
    if (child === undefined) throw new Error('the server was not started');
    if (child.exitCode === null && child.signalCode === null) {
      await Promise.race([
        once(child, 'close'),
        setTimeout(patienceMs).then(() =>
          Promise.reject(new Error(`the server does not end:\n${this.output}`)),
        ),
      ]);
    }
    return { code: child.exitCode, signal: child.signalCode };
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  status(): Promise<z.output<typeof serverStatusSchema>> {
    return ask(this.socket, '/status', serverStatusSchema);
  }

  table(): Promise<z.output<typeof managementRowSchema>[]> {
    return ask(this.socket, '/table', managementRowSchema.array());
  }

  policies(): Promise<z.output<typeof policyRowSchema>[]> {
    return ask(this.socket, '/policies', policyRowSchema.array());
  }

  events(): Promise<z.output<typeof eventRowSchema>[]> {
    return ask(this.socket, '/events', eventRowSchema.array());
  }

  /** The octets of every file of the database. */
  databaseOctets(): Buffer {
    const files = readdirSync(this.folder).filter((name) => name.startsWith('server.sqlite'));
    return Buffer.concat(files.map((name) => readFileSync(join(this.folder, name))));
  }

  /** Ends the process, if it runs, and removes its folder. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until `condition` holds; while it throws, it does not. */
export async function eventually(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + patienceMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      if (await condition()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await setTimeout(50);
  }
  throw new Error(`not within ${patienceMs / 1000} s: ${what}`, { cause: last });
}

/** A UDP port of 127.0.0.1 that nobody had a moment ago. */
export async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
