/** The shell of a guest that booted first-file-system.ts: a line goes in at the command port, and what it prints comes back. */
import { HostError } from '../../../host/model/host-error.ts';
import type { Guest } from '../../qemu-runner/guest.ts';
import type { SerialLine } from '../../qemu-runner/serial-line.ts';
import { readyWord } from './first-file-system.ts';

export class GuestShell {
  readonly #commands: SerialLine;
  #count = 0;

  private constructor(commands: SerialLine) {
    this.#commands = commands;
  }

  /** Waits until the guest has booted. Throws HostError PLATFORM with what it printed when it does not come up. */
  static async of(guest: Guest, bootWithinMs: number): Promise<GuestShell> {
    try {
      await guest.commands.waitFor(new RegExp(readyWord), bootWithinMs);
      return new GuestShell(guest.commands);
    } catch (cause) {
      throw new HostError(
        'PLATFORM',
        `the guest does not come up: ${String(cause)}\n${guest.console.text.slice(-4000)}`,
        { cause },
      );
    }
  }

  /** Runs one line of shell; one with `&` at its end goes on by itself. Throws HostError PLATFORM with its output when it fails. */
  async run(command: string, withinMs = 30_000): Promise<string> {
    const mark = `over-${++this.#count}`;
    this.#commands.write(
      `{ ${command.replace(/&$/, '& true;')}${command.endsWith('&') ? '' : ';'} }; echo ${mark}:$?\n`,
    );
    const [whole, status] = await this.#commands.waitFor(new RegExp(`[^]*?${mark}:(\\d+)\\r?\\n`), withinMs);
    const output = whole.slice(0, whole.lastIndexOf(mark));
    if (status !== '0')
      throw new HostError('PLATFORM', `guest: ${command}: status ${status}: ${output.trim()}`);
    return output;
  }

  /** Runs lines of `ip -batch`. Throws HostError PLATFORM with what it says when one fails. */
  async ip(lines: readonly string[]): Promise<void> {
    await this.run(`printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} | /sbin/ip -batch -`);
  }

  /** Writes a file; its text may hold any character. */
  async write(path: string, text: string): Promise<void> {
    await this.run(`echo ${Buffer.from(text).toString('base64')} | base64 -d >${path}`);
  }
}
