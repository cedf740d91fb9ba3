/**
 * strongSwan's daemon `charon` in a namespace, and the commands that one gives it through `swanctl`. It gets a /run of its
 * own, because it writes its pid there and refuses to start beside another.
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

export class Charon {
  readonly process: LabProcess;
  readonly #folder: string;

  private constructor(process: LabProcess, folder: string) {
    this.process = process;
    this.#folder = folder;
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
    writeFileSync(join(folder, 'strongswan.conf'), strongswanConf(socket, options.charon), { mode: 0o600 });
    writeFileSync(join(folder, 'swanctl.conf'), options.connections, { mode: 0o600 });
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
    const charon = new Charon(started, folder);
    const deadline = performance.now() + startWithinMs;
    while (!existsSync(socket)) {
      if (!started.isAlive()) throw new HostError('PLATFORM', describeEnd(started, await started.ended));
      if (performance.now() > deadline)
        throw new HostError('PLATFORM', `charon has no ${socket} after ${startWithinMs / 1000} s`);
      await sleep(pollMs);
    }
    const loaded = await charon.swanctl('--load-all', '--noprompt', '--file', join(folder, 'swanctl.conf'));
    if (!loaded.ok) throw new HostError('PLATFORM', `swanctl --load-all failed:\n${loaded.text}`);
    return charon;
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
    const uri = `unix://${join(this.#folder, 'charon.vici')}`;
    return new Promise((resolve) => {
      execFile('swanctl', [...args, '--uri', uri], { env, timeout: 90_000 }, (error, stdout, stderr) =>
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
