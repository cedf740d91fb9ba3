/**
 * The first word on a new channel, as a pure machine: `hello` until the server says `welcome`, then the rest of the
 * protocol may begin. The boot number tells the server that this process has no SA of an earlier one.
 */
import type { Hello, MessageId, Welcome } from '../messages/message.ts';
import { addSeconds, type Instant } from '../model/instant.ts';

export interface HelloOptions {
  readonly name: string;
  readonly proposals: readonly string[];
  readonly software: string;
  readonly random: (octets: number) => Uint8Array;
}

/** Waits between repetitions; the last one goes on for as long as the channel is up. */
const repeatSeconds = [0.25, 0.5, 1, 2, 5];

export class HelloExchange {
  readonly #options: HelloOptions;
  readonly #boot: MessageId;
  #message: Hello | undefined;
  #sent = 0;
  #repeatAt: Instant | undefined;

  constructor(options: HelloOptions) {
    this.#options = options;
    this.#boot = this.#freshId();
  }

  nextDeadline(): Instant | undefined {
    return this.#repeatAt;
  }

  /** A channel came up: returns the message to send. */
  begin(now: Instant): Hello {
    const { name, proposals, software } = this.#options;
    this.#message = {
      type: 'hello',
      id: this.#freshId(),
      source: name,
      peer: '',
      kind: '',
      boot: this.#boot,
      proposals,
      software,
    };
    this.#sent = 0;
    return this.#repeat(this.#message, now);
  }

  /** The channel is gone: nothing to repeat. */
  stop(): void {
    this.#message = undefined;
    this.#repeatAt = undefined;
  }

  /** The message to send again, when its time has come. */
  deadline(now: Instant): Hello | undefined {
    if (this.#message === undefined || this.#repeatAt === undefined || now < this.#repeatAt) return undefined;
    return this.#repeat(this.#message, now);
  }

  /** True when `welcome` answers the hello under way; it is then over. */
  accept(welcome: Welcome): boolean {
    if (welcome.id !== this.#message?.id) return false;
    this.stop();
    return true;
  }

  #repeat(message: Hello, now: Instant): Hello {
    const wait = repeatSeconds[Math.min(this.#sent, repeatSeconds.length - 1)] ?? 5;
    this.#sent += 1;
    this.#repeatAt = addSeconds(now, wait);
    return message;
  }

  #freshId(): MessageId {
    return Buffer.from(this.#options.random(8)).toString('hex');
  }
}
