/** The self-test of a router carried out: the machine's actions become messages and commands of the packet loop, its end the answer to whoever asked. */
import type { RouterMessage, ServerMessage } from '../messages/message.ts';
import type { Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import type { LoopCommand } from '../packet-loop/protocol.ts';
import type { SelfTestResult } from './self-test.ts';
import { type SelfTestAction, SelfTestExchange, type SelfTestOptions } from './self-test-exchange.ts';

export interface SelfTestPorts {
  readonly send: (message: RouterMessage, now: Instant) => void;
  readonly post: (command: LoopCommand) => void;
  readonly say: (level: 'info' | 'warn', what: string, detail: string) => void;
}

export class SelfTesting {
  readonly #machine: SelfTestExchange;
  readonly #ports: SelfTestPorts;
  #askers: ((result: SelfTestResult) => void)[] = [];

  constructor(options: SelfTestOptions, ports: SelfTestPorts) {
    this.#machine = new SelfTestExchange(options);
    this.#ports = ports;
  }

  /** Runs a test, or waits for the one that is under way; `ended` is called once, possibly at once. */
  run(withinMs: number, ended: (result: SelfTestResult) => void, now: Instant): void {
    this.#askers.push(ended);
    if (!this.#machine.isRunning) this.#carryOut(this.#machine.begin(withinMs, now), now);
  }

  /** Takes a packet of the loop if it is of the test's SA; false when it is somebody else's. */
  takes(spi: Spi, packet: Uint8Array, now: Instant): boolean {
    if (!this.#machine.owns(spi)) return false;
    this.#carryOut(this.#machine.inner(packet, now), now);
    return true;
  }

  receive(message: ServerMessage, now: Instant): void {
    this.#carryOut(this.#machine.receive(message, now), now);
  }

  channelUp(now: Instant): void {
    this.#carryOut(this.#machine.channelUp(now), now);
  }

  channelDown(): void {
    this.#machine.channelDown();
  }

  engineLost(now: Instant): void {
    this.#carryOut(this.#machine.engineLost(now), now);
  }

  deadline(now: Instant): void {
    this.#carryOut(this.#machine.deadline(now), now);
  }

  nextDeadline(): Instant | undefined {
    return this.#machine.nextDeadline();
  }

  #carryOut(actions: readonly SelfTestAction[], now: Instant): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'send':
          this.#ports.send(action.message, now);
          break;
        case 'change':
        case 'send-inner':
          this.#ports.post(action);
          break;
        case 'ended':
          this.#end(action.result);
          break;
      }
    }
  }

  #end(result: SelfTestResult): void {
    const { ok, milliseconds, reason = '' } = result;
    if (ok) this.#ports.say('info', 'self-test passed', `${Math.round(milliseconds)} ms`);
    else this.#ports.say('warn', 'self-test failed', reason);
    for (const ended of this.#askers.splice(0)) ended(result);
  }
}
