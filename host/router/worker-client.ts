/** The main thread's end of a router's worker: starts it, asks it, hands on what it says. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { HostError } from '../model/host-error.ts';
import type { LogLine } from './log-lines.ts';
import type {
  FollowerSettings,
  FromWorker,
  Question,
  Questions,
  ToWorker,
  WorkerSettings,
} from './worker-protocol.ts';

/** Between two rounds of the worker there are milliseconds; whoever asks does not wait longer for a busy one. */
export const answerWithinMs = 2000;
const stopWithinMs = 1000;

export interface WorkerClientOptions {
  /** The worker's entry point. */
  readonly entry: URL;
  readonly settings: Omit<WorkerSettings, 'followers'>;
  /** How many there are in all; the first has the control side. */
  readonly workers: number;
  /** Ends the worker's wait; given the number of its eventfd. */
  readonly wake: (fd: number) => void;
  /** Sockets and TUN are open: at the start, and again when they had to be opened anew. */
  readonly onReady: () => void;
  readonly onLog: (line: LogLine) => void;
  /** The server wants this version here. */
  readonly onUpgrade: (version: string, url: string) => void;
  /** The worker ended by itself: no packet is carried any more. */
  readonly onExit: (reason: HostError) => void;
}

export class WorkerClient {
  readonly #worker: Worker;
  readonly #followers: readonly Worker[];
  readonly #options: WorkerClientOptions;
  readonly #waiting = new Map<number, (answer: never) => void>();
  #wakeFd = -1;
  #nextId = 1;
  #isStopping = false;

  constructor(options: WorkerClientOptions) {
    this.#options = options;
    const ways = Array.from({ length: options.workers - 1 }, () => new MessageChannel());
    const followers = ways.map(({ port1 }) => port1);
    const settings: WorkerSettings = { ...options.settings, followers };
    this.#worker = this.#start(settings, followers);
    this.#worker.on('message', (message: FromWorker) => this.#take(message));
    this.#followers = ways.map(({ port2 }, index) => this.#startFollower(index + 1, port2));
  }

  #startFollower(worker: number, port: MessagePort): Worker {
    const { settings, local, mark, pathMtuOctets, icmpSources } = this.#options.settings;
    const given: FollowerSettings = { settings, local, mark, pathMtuOctets, icmpSources, worker, port };
    return this.#start(given, [port]);
  }

  #start(workerData: WorkerSettings | FollowerSettings, transferList: MessagePort[]): Worker {
    const { entry, onExit } = this.#options;
    const worker = new Worker(entry, { workerData, transferList });
    worker.on('error', (error) => onExit(asHostError(error)));
    worker.on('exit', (code) => {
      if (this.#isStopping) return;
      onExit(new HostError('PLATFORM', `the packet loop ended with code ${code}`));
    });
    return worker;
  }

  /** Lets the router speak to its server. */
  start(): void {
    this.#post({ kind: 'start' });
  }

  /**
   * Asks the router. Rejects with HostError PLATFORM after 2 s without an answer, when nobody knows whether what was asked for was
   * done. What must not stay unknown waits as long as it takes (`Infinity`): the worker answers everything or ends, and
   * then the process does.
   */
  ask<Name extends Question>(
    question: Name,
    ask: Questions[Name]['ask'],
    withinMs = answerWithinMs,
  ): Promise<Questions[Name]['answer']> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.delete(id);
        reject(new HostError('PLATFORM', `the packet loop did not answer within ${withinMs / 1000} s`));
      };
      const timer = withinMs === Infinity ? undefined : setTimeout(giveUp, withinMs);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      // TypeScript does not follow that `ask` fits `question` in each of the union's cases.
      this.#post({ kind: 'ask', id, question, ask } as ToWorker);
    });
  }

  /** Ends the router: sockets and TUN are closed, memory with keys is gone with the worker. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#post({ kind: 'stop' });
    await Promise.all([this.#worker, ...this.#followers].map(ended));
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
    if (this.#wakeFd >= 0) this.#options.wake(this.#wakeFd);
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.#wakeFd = message.wakeFd;
        this.#options.onReady();
        break;
      case 'answer':
        this.#waiting.get(message.id)?.(message.answer as never); // the worker answers what was asked
        this.#waiting.delete(message.id);
        break;
      case 'upgrade':
        this.#options.onUpgrade(message.version, message.url);
        break;
      case 'log':
        for (const line of message.lines) this.#options.onLog(line);
        break;
    }
  }
}

/** Resolves when the thread has ended, by itself or by force. */
function ended(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => void worker.terminate().then(() => resolve()), stopWithinMs);
    worker.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** An error that crossed from the worker keeps its message and its fields, but not its class. */
function asHostError(error: unknown): HostError {
  return new HostError('PLATFORM', error instanceof Error ? error.message : String(error), { cause: error });
}
