/**
 * Starts the lab's programs, each in its namespace and in a session of its own, so that Ctrl-C reaches the lab alone and
 * the lab decides in which order things end. The kernel kills them when the lab dies in whatever way (PR_SET_PDEATHSIG).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HostError } from '../../host/model/host-error.ts';
import { insideNamespace, namespacePrefix } from './namespaces.ts';
import type { Place } from './place.ts';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The Node that runs this program, which is the pinned one: programs of the lab get the same. */
export const nodeCommand = process.execPath;

export interface LabProcess {
  readonly what: string;
  readonly pid: number;
  readonly stdin: Writable;
  /** Undefined where stdout goes to the log. */
  readonly stdout: Readable | undefined;
  readonly logFile: string;
  /** Resolves with the exit status, or the signal's name, when the process is gone. */
  readonly ended: Promise<number | string>;
  /** Sends a signal; nothing happens when the process is gone. */
  signal(name: NodeJS.Signals): void;
  isAlive(): boolean;
}

export class Processes {
  readonly #place: Place;
  readonly #running = new Set<LabProcess>();
  #stopping = false;

  constructor(place: Place) {
    this.#place = place;
  }

  /**
   * Starts `command` in the lab's namespace of that name; stderr, and stdout unless it is asked for, go to a log file.
   *
   * @throws HostError PLATFORM when it cannot be started
   */
  async start(
    namespace: string,
    what: string,
    command: readonly string[],
    stdout: 'log' | 'pipe' = 'log',
  ): Promise<LabProcess> {
    if (this.#stopping) throw new HostError('PLATFORM', `the lab is ending: ${what} is not started any more`);
    const logFile = this.#place.path(`${what.replaceAll(' ', '-')}.log`);
    const inside = insideNamespace(namespacePrefix(this.#place.name) + namespace, command);
    // The program writes its log itself: a line of it should not have to wake the lab, which runs on the same processors.
    const log = openSync(logFile, 'a', 0o600);
    // Both wrappers exec in place, so the pid is the program's own.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...inside], {
      cwd: repository,
      detached: true,
      stdio: ['pipe', stdout === 'pipe' ? 'pipe' : log, log],
    });
    closeSync(log);
    await Promise.race([once(child, 'spawn'), once(child, 'error')]);
    if (child.pid === undefined) throw new HostError('PLATFORM', `cannot start ${what}: setpriv not found?`);
    const started = this.#follow(child, child.pid, what, logFile, stdout);
    this.#place.record(child.pid, what);
    return started;
  }

  /** Runs a program to its end and returns its stdout. @throws HostError PLATFORM with its last words when it fails. */
  async run(namespace: string, what: string, command: readonly string[], failing = false): Promise<string> {
    const started = await this.start(namespace, what, command, 'pipe');
    let output = '';
    for await (const chunk of started.stdout ?? []) output += String(chunk);
    const status = await started.ended;
    if (status !== 0 && !failing) throw new HostError('PLATFORM', describeEnd(started, status));
    return output;
  }

  /** Ends everything that still runs: first politely, after `graceMs` for good. */
  async stopAll(graceMs = 3000): Promise<void> {
    this.#stopping = true;
    for (const one of this.#running) one.signal('SIGTERM');
    const all = Promise.all([...this.#running].map((one) => one.ended));
    await Promise.race([all, sleep(graceMs, undefined, { ref: false })]);
    for (const one of this.#running) one.signal('SIGKILL');
    await Promise.race([all, sleep(graceMs, undefined, { ref: false })]);
  }

  #follow(
    child: ChildProcess,
    pid: number,
    what: string,
    logFile: string,
    stdout: 'log' | 'pipe',
  ): LabProcess {
    child.stdin?.on('error', () => undefined);
    let alive = true;
    const ended = new Promise<number | string>((resolve) => {
      child.on('close', (status, signal) => {
        resolve(status ?? signal ?? 'unknown');
      });
    });
    const started: LabProcess = {
      what,
      pid,
      stdin: child.stdin as Writable,
      stdout: stdout === 'pipe' ? (child.stdout as Readable) : undefined,
      logFile,
      ended,
      signal: (name) => {
        if (alive) child.kill(name);
      },
      isAlive: () => alive,
    };
    this.#running.add(started);
    child.on('exit', () => {
      alive = false;
      this.#running.delete(started);
    });
    return started;
  }
}

/** One sentence for a person: who ended how, and the last lines of its log. */
export function describeEnd(ended: Pick<LabProcess, 'what' | 'logFile'>, status: number | string): string {
  const last = lastLines(ended.logFile, 12);
  return `${ended.what} ended with ${typeof status === 'number' ? `status ${status}` : status}${last === '' ? '' : `; its last words:\n${last}`}`;
}

/** The end of a log, indented; empty when there is none. */
export function lastLines(path: string, count: number): string {
  try {
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    return lines
      .slice(-count)
      .filter((line) => line !== '')
      .map((line) => `    ${line}`)
      .join('\n');
  } catch {
    return '';
  }
}
