/**
 * A router's self-test as a pure machine: asks for SAs with the server's echo peer as it would ask for any, installs them beside
 * all others, sends echo requests through them until one comes back, and takes them down. No SPD entry is involved and no
 * other SA touched. Whatever is lost is repeated until the test's time is over; a server that was restarted is asked anew.
 */
import { echoRequest, isReplyTo } from '../channel/echo-packet.ts';
import { echoSelector } from '../channel/echo-selector.ts';
import { innerAddress } from '../channel/inner-address.ts';
import type { SaPair, TableChange } from '../dataplane/engine.ts';
import { wipeMessage } from '../messages/codec.ts';
import { echoPeerName, selfTestKind } from '../messages/echo-peer.ts';
import type { Distribution, MessageId, Report, RouterMessage, ServerMessage } from '../messages/message.ts';
import type { Endpoint } from '../model/address.ts';
import { earliest, type Instant } from '../model/instant.ts';
import type { Spi } from '../model/security-association.ts';
import type { SelfTestLegs, SelfTestResult } from './self-test.ts';
import { saPairOf } from './setting-management/sa-pair.ts';

export interface SelfTestOptions {
  readonly name: string;
  readonly random: (octets: number) => Uint8Array;
  readonly allocateSpi: () => Spi | undefined;
  readonly releaseSpi: (spi: Spi) => void;
  /** Why the engine would refuse a change, or undefined. */
  readonly refusal: (change: TableChange) => string | undefined;
  readonly local: () => Endpoint;
  /** Where the server is: its echo peer is there too. */
  readonly server: Endpoint;
  readonly proposals: ReadonlySet<string>;
}

export type SelfTestAction =
  | { readonly kind: 'send'; readonly message: RouterMessage }
  | { readonly kind: 'change'; readonly change: TableChange }
  | { readonly kind: 'send-inner'; readonly spi: Spi; readonly packet: Uint8Array }
  | { readonly kind: 'ended'; readonly result: SelfTestResult };

/** Repetition of a request and of an echo: doubling from the first to the last. */
const requestRepeat = { firstMs: 500, lastMs: 2000 };
const echoRepeat = { firstMs: 200, lastMs: 1600 };
const reportRepeat = { firstMs: 500, lastMs: 16_000, tries: 6 };
/** A server that was restarted, or an id that it cannot take: so often it is asked under another. */
const maximumAttempts = 5;

interface Attempt {
  readonly id: MessageId;
  readonly spi: Spi;
  isInstalled: boolean;
  tries: number;
  repeatAt: Instant | undefined;
}

interface Test {
  readonly startedAt: Instant;
  readonly endsAt: Instant;
  readonly identifier: number;
  readonly payload: Uint8Array;
  attempts: number;
  attempt: Attempt | undefined;
  askedAt: Instant | undefined;
  installedAt: Instant | undefined;
}

interface Closing {
  readonly report: Report;
  tries: number;
  repeatAt: Instant;
}

export class SelfTestExchange {
  readonly #options: SelfTestOptions;
  readonly #own;
  readonly #echo = innerAddress(echoPeerName);
  #isWelcome = false;
  #test: Test | undefined;
  /** What the server still has to take back. */
  readonly #closing = new Map<MessageId, Closing>();

  constructor(options: SelfTestOptions) {
    this.#options = options;
    this.#own = innerAddress(options.name);
  }

  get isRunning(): boolean {
    return this.#test !== undefined;
  }

  nextDeadline(): Instant | undefined {
    let next = earliest(this.#test?.endsAt, this.#test?.attempt?.repeatAt);
    if (this.#isWelcome) for (const { repeatAt } of this.#closing.values()) next = earliest(next, repeatAt);
    return next;
  }

  /** True for the SPI of its SA. */
  owns(spi: Spi): boolean {
    return this.#test?.attempt?.spi === spi && this.#test.attempt.isInstalled;
  }

  /** Starts a test that ends within the given time, one way or the other. Call only while none is running. */
  begin(withinMs: number, now: Instant): SelfTestAction[] {
    const { random } = this.#options;
    this.#test = {
      startedAt: now,
      endsAt: now + withinMs,
      identifier: new DataView(random(2).buffer).getUint16(0),
      payload: random(32),
      attempts: 0,
      attempt: undefined,
      askedAt: undefined,
      installedAt: undefined,
    };
    return this.#isWelcome ? this.#attempt(this.#test, now) : [];
  }

  /** The server may be asked. */
  channelUp(now: Instant): SelfTestAction[] {
    this.#isWelcome = true;
    for (const closing of this.#closing.values()) closing.repeatAt = now;
    const actions = this.#closingDue(now);
    if (this.#test === undefined) return actions;
    if (this.#test.attempt === undefined) return [...actions, ...this.#attempt(this.#test, now)];
    return [...actions, ...this.#repeat(this.#test, this.#test.attempt, now)];
  }

  channelDown(): void {
    this.#isWelcome = false;
  }

  /** The engine is another one: the test's SA is gone with all others. */
  engineLost(now: Instant): SelfTestAction[] {
    const test = this.#test;
    if (test?.attempt === undefined) return [];
    test.attempt.isInstalled = false;
    return [...this.#takeDown(test, now), ...this.#end(test, 'the packet engine was started anew', now)];
  }

  /** What the server says of the echo peer, or of an id that is the test's. Keys are wiped unless they go to the engine. */
  receive(message: ServerMessage, now: Instant): SelfTestAction[] {
    const test = this.#test;
    const attempt = test?.attempt;
    if (message.type === 'distribution' && (attempt === undefined || message.id !== attempt.id)) {
      wipeMessage(message);
      // Given up meanwhile: the other end must not keep its half.
      return this.#isWelcome ? this.#report(message.id, message.inbound.spi, now) : [];
    }
    if (message.type === 'withdraw') return this.#withdraw(message, now);
    if (test === undefined || attempt === undefined || message.id !== attempt.id) return [];
    switch (message.type) {
      case 'distribution':
        return this.#install(test, attempt, message, now);
      case 'contents-inconsistent':
        return this.#startOver(test, 'the server takes no id and SPI of this router', now);
      case 'refused':
      case 'no-response':
        return [...this.#takeDown(test, now, false), ...this.#end(test, `refused: ${message.reason}`, now)];
      case 'no-corresponding-entry':
        return [
          ...this.#takeDown(test, now, false),
          ...this.#end(
            test,
            `the server has no echo peer: it is of an earlier version (${message.reason})`,
            now,
          ),
        ];
      default:
        return [];
    }
  }

  /** A packet that came out of the test's SA. Borrows it. */
  inner(packet: Uint8Array, now: Instant): SelfTestAction[] {
    const test = this.#test;
    if (test === undefined) return [];
    if (!isReplyTo(packet, this.#echo, this.#own, test.identifier, test.payload)) return [];
    return [...this.#takeDown(test, now), ...this.#end(test, undefined, now)];
  }

  deadline(now: Instant): SelfTestAction[] {
    const actions = this.#closingDue(now);
    const test = this.#test;
    if (test === undefined) return actions;
    if (now >= test.endsAt) {
      const reason = this.#unfinished(test);
      return [...actions, ...this.#takeDown(test, now), ...this.#end(test, reason, now)];
    }
    const { attempt } = test;
    if (attempt?.repeatAt === undefined || now < attempt.repeatAt) return actions;
    return [...actions, ...this.#repeat(test, attempt, now)];
  }

  #attempt(test: Test, now: Instant): SelfTestAction[] {
    const spi = this.#options.allocateSpi();
    if (spi === undefined) return this.#end(test, 'no place is left for another SA pair', now);
    const id = Buffer.from(this.#options.random(8)).toString('hex');
    test.attempts += 1;
    test.askedAt ??= now;
    test.attempt = { id, spi, isInstalled: false, tries: 0, repeatAt: undefined };
    return this.#repeat(test, test.attempt, now);
  }

  /** What the test waits for an answer to, once more. */
  #repeat(test: Test, attempt: Attempt, now: Instant): SelfTestAction[] {
    const { firstMs, lastMs } = attempt.isInstalled ? echoRepeat : requestRepeat;
    attempt.repeatAt = now + Math.min(firstMs * 2 ** attempt.tries, lastMs);
    attempt.tries += 1;
    if (attempt.isInstalled) {
      const { identifier, payload } = test;
      const packet = echoRequest(this.#own, this.#echo, identifier, attempt.tries, payload);
      return [{ kind: 'send-inner', spi: attempt.spi, packet }];
    }
    if (!this.#isWelcome) return [];
    const { id, spi } = attempt;
    const envelope = { type: 'request', id, source: this.#options.name, peer: echoPeerName } as const;
    const selectors = [echoSelector(this.#options.name, echoPeerName)];
    const about = { kind: selfTestKind, spi, lane: 0, selectors, packet: null, startupId: null };
    return [{ kind: 'send', message: { ...envelope, ...about } }];
  }

  #install(test: Test, attempt: Attempt, distribution: Distribution, now: Instant): SelfTestAction[] {
    const { id, peer, kind } = distribution;
    const installed = { type: 'installed', id, source: this.#options.name, peer, kind } as const;
    if (attempt.isInstalled) {
      wipeMessage(distribution);
      return [{ kind: 'send', message: installed }];
    }
    const pair = this.#pairOf(distribution, attempt.spi);
    const change: TableChange = typeof pair === 'string' ? {} : { install: [{ pair, use: true }] };
    const refusal = typeof pair === 'string' ? pair : this.#options.refusal(change);
    if (refusal !== undefined) {
      wipeMessage(distribution);
      return [
        ...this.#takeDown(test, now),
        ...this.#end(test, `the SAs that the server gave cannot be used: ${refusal}`, now),
      ];
    }
    attempt.isInstalled = true;
    attempt.tries = 0;
    test.installedAt = now;
    return [
      { kind: 'change', change },
      { kind: 'send', message: installed },
      ...this.#repeat(test, attempt, now),
    ];
  }

  /** The pair, or why there is none. */
  #pairOf(distribution: Distribution, spi: Spi): SaPair | string {
    if (distribution.inbound.spi !== spi) return 'they are for another SPI';
    const pair = saPairOf(distribution, {
      entry: '',
      selectors: [echoSelector(this.#options.name, echoPeerName)],
      local: this.#options.local(),
      peer: this.#options.server,
      softShare: 1,
      notifyFirstAuthentic: false,
      proposals: this.#options.proposals,
    });
    return pair.ok ? { ...pair.value, deliver: 'host' } : pair.message;
  }

  #withdraw(message: Extract<ServerMessage, { type: 'withdraw' }>, now: Instant): SelfTestAction[] {
    for (const id of message.ids) this.#closing.delete(id);
    const { id, kind, peer, ids } = message;
    const done = { type: 'withdrawn', id, source: this.#options.name, peer, kind } as const;
    // One that names others' SAs too is answered by setting management.
    const answer: SelfTestAction[] = peer === echoPeerName ? [{ kind: 'send', message: done }] : [];
    const test = this.#test;
    if (test?.attempt === undefined || !ids.includes(test.attempt.id)) return answer;
    return [...answer, ...this.#startOver(test, `withdrawn: ${message.reason}`, now)];
  }

  /** The attempt came to nothing: another one, unless there were enough. */
  #startOver(test: Test, reason: string, now: Instant): SelfTestAction[] {
    const down = this.#takeDown(test, now, false);
    if (test.attempts >= maximumAttempts) return [...down, ...this.#end(test, reason, now)];
    test.attempt = undefined;
    return this.#isWelcome ? [...down, ...this.#attempt(test, now)] : down;
  }

  /** Removes the SA here, and has it taken back there unless the server did that by itself. */
  #takeDown(test: Test, now: Instant, tellsServer = true): SelfTestAction[] {
    const { attempt } = test;
    if (attempt === undefined) return [];
    test.attempt = undefined;
    this.#options.releaseSpi(attempt.spi);
    const change: SelfTestAction[] = attempt.isInstalled
      ? [{ kind: 'change', change: { remove: [attempt.spi] } }]
      : [];
    return tellsServer ? [...change, ...this.#report(attempt.id, attempt.spi, now)] : change;
  }

  /** Repeated until the server withdraws the id, as with every SA that a router deletes. */
  #report(id: MessageId, spi: Spi, now: Instant): SelfTestAction[] {
    const envelope = { type: 'report', id, source: this.#options.name, peer: echoPeerName } as const;
    const report: Report = {
      ...envelope,
      kind: selfTestKind,
      what: 'sa-deleted',
      spi,
      from: null,
      count: 1,
    };
    if (!this.#closing.has(id)) this.#closing.set(id, { report, tries: 0, repeatAt: now });
    return this.#closingDue(now);
  }

  #closingDue(now: Instant): SelfTestAction[] {
    if (!this.#isWelcome) return [];
    const actions: SelfTestAction[] = [];
    for (const [id, closing] of this.#closing) {
      if (now < closing.repeatAt) continue;
      actions.push({ kind: 'send', message: closing.report });
      closing.repeatAt = now + Math.min(reportRepeat.firstMs * 2 ** closing.tries, reportRepeat.lastMs);
      closing.tries += 1;
      if (closing.tries >= reportRepeat.tries) this.#closing.delete(id);
    }
    return actions;
  }

  #end(test: Test, reason: string | undefined, now: Instant): SelfTestAction[] {
    this.#test = undefined;
    const { startedAt, askedAt, installedAt } = test;
    const legs: SelfTestLegs = {
      channelMs: askedAt === undefined ? null : askedAt - startedAt,
      keysMs: askedAt === undefined || installedAt === undefined ? null : installedAt - askedAt,
      echoMs: installedAt === undefined || reason !== undefined ? null : now - installedAt,
    };
    const result: SelfTestResult = { ok: reason === undefined, milliseconds: now - startedAt, legs };
    return [{ kind: 'ended', result: reason === undefined ? result : { ...result, reason } }];
  }

  /** Which leg the test was on when its time was over. */
  #unfinished({ attempt, startedAt, endsAt }: Test): string {
    const within = `within ${(endsAt - startedAt) / 1000} s`;
    if (attempt === undefined || (!this.#isWelcome && !attempt.isInstalled))
      return `there is no channel to the setting server ${within}`;
    if (!attempt.isInstalled) return `the server has not answered the request for SAs ${within}`;
    return `SAs with the server's echo peer are in place, and none of ${attempt.tries} packets came back ${within}: is UDP from and to the server let through?`;
  }
}
