/**
 * The control thread's end of the packet loop: starts the worker, posts commands, wakes it, hands its events on. Keys in a
 * command are wiped here as soon as the message port has its copy; the worker wipes that copy once it is installed.
 */
import { Worker } from 'node:worker_threads';
import type { TableChange } from '../dataplane/engine.ts';
import { HostError } from '../model/host-error.ts';
import { Secret } from '../model/secret.ts';
import { packChange } from './change-transfer.ts';
import type { LoopCommand, LoopEvent, LoopSettings, LoopSnapshot } from './protocol.ts';

export interface LoopClientOptions {
  readonly settings: LoopSettings;
  /** Ends the worker's wait; given the number of its eventfd. */
  readonly wake: (fd: number) => void;
  readonly onEvent: (event: LoopEvent) => void;
  /** The worker ended by itself: no packet is carried any more. */
  readonly onExit: (reason: string) => void;
}

export class LoopClient {
  readonly #worker: Worker;
  readonly #options: LoopClientOptions;
  readonly #waiting = new Map<number, (snapshot: LoopSnapshot) => void>();
  #wakeFd = -1;
  #nextSnapshot = 1;
  #isStopping = false;

  constructor(options: LoopClientOptions) {
    this.#options = options;
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options.settings });
    this.#worker.on('message', (event: LoopEvent) => this.#take(event));
    this.#worker.on('error', (error) =>
      options.onExit(error instanceof Error ? error.message : String(error)),
    );
    this.#worker.on('exit', (code) => {
      if (!this.#isStopping) options.onExit(`the packet loop ended with code ${code}`);
    });
  }

  /** Posts a command. Key material in it is wiped before this returns. */
  post(command: LoopCommand): void {
    if (command.kind === 'change') {
      const { change, transfer } = packChange(command.change);
      this.#worker.postMessage({ kind: 'change', change }, transfer);
      wipeChange(command.change);
    } else {
      this.#worker.postMessage(command);
    }
    if (this.#wakeFd >= 0) this.#options.wake(this.#wakeFd);
  }

  /** What the engine holds now. Rejects after 2 s without an answer. */
  snapshot(): Promise<LoopSnapshot> {
    const id = this.#nextSnapshot++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new HostError('PLATFORM', 'the packet loop did not answer within 2 s'));
      }, 2000);
      this.#waiting.set(id, (snapshot) => {
        clearTimeout(timer);
        resolve(snapshot);
      });
      this.post({ kind: 'snapshot', id });
    });
  }

  /** Ends the loop: sockets and TUN are closed, memory with keys is gone with the worker. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.post({ kind: 'stop' });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => void this.#worker.terminate().then(() => resolve()), 1000);
      this.#worker.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #take(event: LoopEvent): void {
    if (event.kind === 'snapshot') {
      this.#waiting.get(event.id)?.(event.snapshot);
      this.#waiting.delete(event.id);
      return;
    }
    if (event.kind === 'ready') this.#wakeFd = event.wakeFd;
    this.#options.onEvent(event);
  }
}

/** Wipes the keys of every pair that the change installs. */
function wipeChange(change: TableChange): void {
  for (const { pair } of change.install ?? []) {
    for (const { keys } of [pair.inbound, pair.outbound]) {
      for (const secret of Object.values(keys)) if (secret instanceof Secret) secret.wipe();
    }
  }
}
