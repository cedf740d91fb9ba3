/**
 * A TPM 2.0 that is a program (swtpm), for a virtual machine or for this process. What it keeps is in a folder: with the same
 * folder it is the same TPM, with another one a stranger to whatever the first has sealed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../host/model/host-error.ts';

/** It makes its socket within milliseconds; the first start of all makes its certificates' seeds. */
const startWithinMs = 20_000;
const pollMs = 20;

export interface SoftwareTpmOptions {
  /** What it keeps when it is switched off; made where it is not there. */
  readonly state: string;
  /** Its socket, a short path (unix(7): 107 octets). */
  readonly socket: string;
  /**
   * `machine`: QEMU's `tpmdev emulator` connects to the socket, and switches it on. `commands`: it is on, takes commands at the socket,
   * one connection after the other, and control commands at the socket with `.ctrl` behind its name, as tpm2-tools wants them.
   */
  readonly for: 'machine' | 'commands';
}

export class SoftwareTpm {
  readonly #process: ChildProcess;
  readonly #ended: Promise<string>;

  private constructor(child: ChildProcess, ended: Promise<string>) {
    this.#process = child;
    this.#ended = ended;
  }

  /** Starts it. It ends with this program, whatever ends that. Throws HostError PLATFORM with what it says. */
  static async start({ state, socket, for: purpose }: SoftwareTpmOptions): Promise<SoftwareTpm> {
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const [sockets, last] =
      purpose === 'machine'
        ? [['--ctrl', `type=unixio,path=${socket}`, '--terminate'], socket]
        : [
            [
              ...['--server', `type=unixio,path=${socket},disconnect`],
              ...['--ctrl', `type=unixio,path=${socket}.ctrl`],
              ...['--flags', 'not-need-init,startup-clear'],
            ],
            `${socket}.ctrl`,
          ];
    const command = ['swtpm', 'socket', '--tpm2', '--tpmstate', `dir=${state}`, ...sockets];
    rmSync(last, { force: true });
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (octets: Buffer) => {
      said += octets.toString();
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', ({ message }) => resolve(`swtpm cannot be started: ${message}`));
      child.once('close', (status, signal) => {
        const advice = status === 127 ? ' (install swtpm)' : '';
        resolve(`swtpm ended, ${signal ?? `status ${status}`}${advice}: ${said.trim()}`);
      });
    });
    let hasEnded: string | undefined;
    void ended.then((why) => {
      hasEnded = why;
    });
    for (let waitedMs = 0; !existsSync(last); waitedMs += pollMs) {
      if (hasEnded !== undefined) throw new HostError('PLATFORM', hasEnded);
      if (waitedMs > startWithinMs) {
        child.kill('SIGKILL');
        throw new HostError('PLATFORM', `swtpm made no socket within ${startWithinMs / 1000} s`);
      }
      await sleep(pollMs);
    }
    return new SoftwareTpm(child, ended);
  }

  /** Switches it off; what it keeps is in its folder. */
  async end(): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.#ended;
  }
}
