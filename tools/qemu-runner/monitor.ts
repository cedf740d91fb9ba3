/**
 * QEMU's monitor (QMP): what happens to the machine as a whole, and asking it for something. Lines of JSON both ways
 * (docs/interop/qmp-spec of QEMU).
 */
import type { Duplex } from 'node:stream';
import { HostError } from '../../host/model/host-error.ts';

/** Events of interest: the watchdog ran out, the machine was reset or switched off. */
export type MachineEvent = 'WATCHDOG' | 'RESET' | 'SHUTDOWN';

const isEvent = (name: unknown): name is MachineEvent =>
  name === 'WATCHDOG' || name === 'RESET' || name === 'SHUTDOWN';

export class Monitor {
  readonly #stream: Duplex;
  readonly #counts = new Map<MachineEvent, number>();
  readonly #firstAnswer = Promise.withResolvers<void>();
  /** Resolves when the machine is there: QEMU greets before it looks at all of its arguments, and answers after. */
  readonly ready = this.#firstAnswer.promise;
  #rest = '';
  #onEvent: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (octets: Buffer) => this.#take(octets.toString()));
    stream.on('error', () => {});
    // Nothing is carried out before this.
    this.#execute('qmp_capabilities');
  }

  /** How often it has happened since the start. QEMU resets a machine once when it starts it. */
  count(event: MachineEvent): number {
    return this.#counts.get(event) ?? 0;
  }

  /** Waits until `event` has happened `times` times in all. Throws HostError PLATFORM when it does not in time. */
  async waitFor(event: MachineEvent, times: number, withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (this.count(event) < times) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0)
        throw new HostError(
          'PLATFORM',
          `QEMU: expected ${event} ${times} times within ${withinMs / 1000} s, found ${this.count(event)}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#onEvent = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** As the reset button does. */
  reset(): void {
    this.#execute('system_reset');
  }

  #execute(command: string): void {
    this.#stream.write(`${JSON.stringify({ execute: command })}\n`);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const message: unknown = JSON.parse(line);
      if (typeof message === 'object' && message !== null && 'return' in message) this.#firstAnswer.resolve();
      const event =
        typeof message === 'object' && message !== null ? Reflect.get(message, 'event') : undefined;
      if (!isEvent(event)) continue;
      this.#counts.set(event, this.count(event) + 1);
      this.#onEvent?.();
    }
  }
}
