/**
 * strongSwan's daemon `charon`, and the commands that one gives it through `swanctl`. In a namespace it gets a /run of its own,
 * because it writes its pid there and refuses to start beside another; guest-charon.ts starts one in a guest.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../../../host/model/host-error.ts';
import { describeEnd, type LabProcess, type Processes } from '../../../lab/processes.ts';
import type { Section } from '../matrix/combination.ts';
import { parseSaListing, type StrongswanIkeSa } from './sa-listing.ts';
import { connectionName, strongswanConf } from './settings-text.ts';

/** Where Debian keeps it. */
export const charonCommand = '/usr/lib/ipsec/charon';

const startWithinMs = 30_000;
const pollMs = 25;

/** What a `swanctl` command came to. */
export interface Outcome {
  readonly ok: boolean;
  readonly text: string;
}

/** What steps do to it: the process, or the machine in which it is what matters. */
export type CharonProcess = Pick<LabProcess, 'pid' | 'logFile' | 'ended' | 'signal'>;

/** How `swanctl` gets to it. */
export interface Reach {
  readonly uri: string;
  /** In front of the command. */
  readonly wrapper?: readonly string[];
}

export class Charon {
  readonly process: CharonProcess;
  readonly #folder: string;
  readonly #reach: Reach;

  /** @param folder has strongswan.conf for `swanctl`, and the connections and credentials that it loads */
  constructor(process: CharonProcess, folder: string, reach: Reach) {
    this.process = process;
    this.#folder = folder;
    this.#reach = reach;
  }

  /**
   * Starts it and loads its connections.
   *
   * @param folder absolute; gets the settings, the socket and, as `name`.log, the log
   * @param name folder within the processes' place, for the log
   * @throws HostError PLATFORM with its last words
   */
  static async start(options: {
    readonly processes: Processes;
    readonly namespace: string;
    readonly folder: string;
    readonly name: string;
    /** swanctl.conf. */
    readonly connections: string;
    readonly charon: Section;
    /** In front of the command: what else is to be arranged for the process, and becomes the command itself. */
    readonly wrapper?: readonly string[];
  }): Promise<Charon> {
    const { processes, namespace, folder } = options;
    const socket = join(folder, 'charon.vici');
    const uri = `unix://${socket}`;
    writeSettings(folder, strongswanConf(uri, 'user space', options.charon), options.connections);
    rmSync(socket, { force: true }); // of one that was killed
    const script = `mount --make-rprivate / && mount -t tmpfs tmpfs /run && exec ${charonCommand}`;
    const environment = `STRONGSWAN_CONF=${join(folder, 'strongswan.conf')}`;
    const started = await processes.start(namespace, `${options.name}/charon`, [
      ...(options.wrapper ?? []),
      'unshare',
      '--mount',
      'env',
      environment,
      'sh',
      '-ec',
      script,
    ]);
    const charon = new Charon(started, folder, { uri });
    const deadline = performance.now() + startWithinMs;
    while (!existsSync(socket)) {
      if (!started.isAlive()) throw new HostError('PLATFORM', describeEnd(started, await started.ended));
      if (performance.now() > deadline)
        throw new HostError('PLATFORM', `charon has no ${socket} after ${startWithinMs / 1000} s`);
      await sleep(pollMs);
    }
    await charon.load();
    return charon;
  }

  /** Loads its connections and credentials. Throws HostError PLATFORM with what swanctl says. */
  async load(): Promise<void> {
    const file = join(this.#folder, 'swanctl.conf');
    const loaded = await this.swanctl('--load-all', '--noprompt', '--file', file);
    if (!loaded.ok) throw new HostError('PLATFORM', `swanctl --load-all failed:\n${loaded.text}`);
  }

  get log(): string {
    return readFileSync(this.process.logFile, 'utf8');
  }

  /** Runs a `swanctl` command to its end. */
  swanctl(...args: readonly string[]): Promise<Outcome> {
    const env = {
      ...process.env,
      SWANCTL_DIR: this.#folder,
      STRONGSWAN_CONF: join(this.#folder, 'strongswan.conf'),
    };
    const { uri, wrapper = [] } = this.#reach;
    const [file, ...rest] = [...wrapper, 'swanctl', ...args, '--uri', uri];
    return new Promise((resolve) => {
      execFile(file, rest, { env, timeout: 90_000 }, (error, stdout, stderr) =>
        resolve({ ok: error === null, text: stdout + stderr }),
      );
    });
  }

  /** Sets the channel up; what it says when that fails names the reason. */
  initiate(): Promise<Outcome> {
    return this.swanctl('--initiate', '--child', connectionName, '--timeout', '60');
  }

  async ikeSas(): Promise<StrongswanIkeSa[]> {
    return parseSaListing((await this.swanctl('--list-sas', '--raw')).text);
  }
}

/** Writes both files of a charon into its folder. */
export function writeSettings(folder: string, strongswan: string, connections: string): void {
  writeFileSync(join(folder, 'strongswan.conf'), strongswan, { mode: 0o600 });
  writeFileSync(join(folder, 'swanctl.conf'), connections, { mode: 0o600 });
}
