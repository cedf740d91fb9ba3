/**
 * A router and a server that are up, with a data plane at each end, whose messages wait until a test delivers them: for
 * rekeyings as a time sequence diagram. The router is the initiator of IKE_SA_INIT; either end may be the one that rekeys.
 */
import { expect } from 'vitest';
import { lateArrivalMs } from '../../../../host/ike/child-sas.ts';
import { lingerMs } from '../../../../host/ike/rekey/ike-sa-succession.ts';
import { DataPlane } from './data-plane.ts';
import { actionsOf, Pair } from './pair.ts';
import { headerOf } from './stranger.ts';

type What = 'rekey-child' | 'rekey-ike-sa';

export class Ends {
  readonly pair: Pair;
  readonly router = new DataPlane();
  readonly server = new DataPlane();
  readonly #firstSaIdAtServer: string;
  readonly #waiting: { toServer: boolean; bytes: Uint8Array }[] = [];

  constructor(seed = 'one', options: ConstructorParameters<typeof Pair>[0] = {}) {
    this.pair = new Pair({ seed, ...options });
    this.pair.onActions = (atServer, actions) => (atServer ? this.server : this.router).apply(actions);
    this.pair.start();
    this.pair.run();
    this.#firstSaIdAtServer = actionsOf(this.pair.responderActions, 'established')[0]!.saId;
    this.pair.initiatorActions.length = 0;
    this.pair.responderActions.length = 0;
    this.pair.sent.length = 0;
    this.pair.link = ({ toServer, bytes }) => {
      this.#waiting.push({ toServer, bytes });
      return [];
    };
  }

  rekey(end: 'router' | 'server', what: What): void {
    if (end === 'router') this.pair.atInitiator({ kind: what });
    else this.pair.atResponder({ kind: what, saId: this.#saIdAtServer() });
  }

  close(end: 'router' | 'server'): void {
    if (end === 'router') this.pair.close();
    else this.pair.atResponder({ kind: 'close', saId: this.#saIdAtServer() });
  }

  #saIdAtServer(): string {
    const rekeyed = actionsOf(this.pair.responderActions, 'ike-sa-rekeyed').at(-1)?.saId;
    return rekeyed ?? this.#firstSaIdAtServer;
  }

  /** Messages under way, to the server and to the router. */
  get underWay(): string {
    return this.#waiting.map(({ toServer }) => (toServer ? '>' : '<')).join('');
  }

  /** Delivers the oldest message to the server. */
  toServer(): void {
    this.pair.injectToServer(this.take(true));
  }

  toRouter(): void {
    this.pair.injectToRouter(this.take(false));
  }

  /** The oldest message in that direction gets lost. */
  lose(toServer: boolean): void {
    this.take(toServer);
  }

  /** Delivers the oldest answer to the router, and loses requests before it. */
  answerToRouter(): void {
    const bytes = this.take(false);
    if (headerOf(bytes).isResponse) this.pair.injectToRouter(bytes);
  }

  /** Delivers everything, in the order of sending, until nothing is under way; that of number `lost` gets lost. */
  settle(lost?: number): void {
    for (let steps = 0; this.#waiting.length > 0; steps++) {
      if (steps > 100) throw new Error('the pair goes on for ever');
      const { toServer } = this.#waiting[0]!;
      if (steps === lost) this.lose(toServer);
      else if (toServer) this.toServer();
      else this.toRouter();
    }
  }

  pass(ms: number): void {
    this.pair.run(this.pair.now + ms);
  }

  /** A packet each way, and each opened by the other end, which is told of it. */
  talk(): void {
    const up = this.router.seal();
    const down = this.server.seal();
    expect(up && this.server.opens(up), 'router to server').toBe(true);
    expect(down && this.router.opens(down), 'server to router').toBe(true);
    this.pair.atResponder({ kind: 'child-arrival', saId: this.#saIdAtServer(), inboundSpi: up!.spi });
    this.pair.atInitiator({ kind: 'child-arrival', inboundSpi: down!.spi });
  }

  take(toServer: boolean): Uint8Array {
    const index = this.#waiting.findIndex((one) => one.toServer === toServer);
    const [message] = this.#waiting.splice(index, 1);
    if (index < 0 || message === undefined) throw new Error('no such message is under way');
    return message.bytes;
  }
}

/** One CHILD SA at each end, the same one; one IKE SA, the same one; nothing else after its time. */
export function expectOneOfEach(both: Ends): void {
  both.settle();
  both.talk();
  both.settle();
  both.pass(lateArrivalMs + lingerMs);
  both.talk();
  expect([both.router.installed.size, both.server.installed.size]).toEqual([1, 1]);
  expect(both.router.used).toBe(both.server.seal()!.spi);
  expect(both.pair.responders.size).toBe(1);
  expect(both.pair.initiator.isEstablished).toBe(true);
  both.pair.sent.length = 0;
  both.pair.checkLiveness();
  const { initiatorSpi, responderSpi, fromInitiator } = headerOf(both.pair.sent[0]!.bytes);
  const own = fromInitiator ? initiatorSpi : responderSpi;
  const other = fromInitiator ? responderSpi : initiatorSpi;
  expect(own.toString(16).padStart(16, '0')).toBe(both.pair.initiator.saId);
  const responder = both.pair.responders.responder(other.toString(16).padStart(16, '0'));
  expect(responder!.saIds.length).toBe(1);
  both.settle();
  expect(actionsOf(both.pair.initiatorActions, 'alive').length).toBeGreaterThan(0);
  expect(both.pair.initiator.nextDeadline()).toBeUndefined();
  expect(both.pair.responders.nextDeadline()).toBeUndefined();
}
