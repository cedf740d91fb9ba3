/** A responder played by hand (stranger.ts) whose IKE SA with the shipped initiator is established: it may say anything on it. */
import type { Received } from '../../../../host/ike/ike-sa.ts';
import type { InitiatorConfig } from '../../../../host/ike/initiator.ts';
import { exchangeTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import type { PayloadValue } from '../../../../host/ike/wire/payload-chain.ts';
import { readUint32 } from '../../../../host/ike/wire/syntax.ts';
import { Pair } from './pair.ts';
import { headerOf, payload, StrangeResponder, whole } from './stranger.ts';

export class StrangePeer {
  readonly pair: Pair;
  readonly stranger: StrangeResponder;
  #received: Received | undefined;

  /** @param initiator changes of the shipped end's configuration */
  constructor(initiator: Partial<InitiatorConfig> = {}) {
    this.pair = new Pair({ link: () => [], initiator });
    this.pair.start();
    this.stranger = new StrangeResponder(this.pair.sent[0]!.bytes);
    this.pair.injectToRouter(this.stranger.response);
    this.answerLast(exchangeTypes.ikeAuth, [
      payload.identity('responder'),
      this.stranger.authentication(),
      payload.saEsp(),
      payload.selectors('initiator'),
      payload.selectors('responder'),
    ]);
    if (!this.pair.initiator.isEstablished) throw new Error('the initiator refuses the stranger');
    this.pair.initiatorActions.length = 0;
  }

  /** The newest request of the shipped end. */
  lastRequest() {
    return headerOf(this.pair.sent.at(-1)!.bytes);
  }

  /** Answers the newest request of the shipped end. */
  answerLast(exchangeType: number, payloads: readonly PayloadValue[]): void {
    const request = this.stranger.receive(this.pair.sent.at(-1)!.bytes);
    if (request.kind !== 'request') throw new Error(`expected a request, found ${request.kind}`);
    this.pair.injectToRouter(whole(this.stranger.ikeSa.respond(exchangeType, request.messageId, payloads)));
  }

  /** Makes a request; the shipped end's answer is opened. */
  ask(exchangeType: number, payloads: readonly PayloadValue[]): void {
    this.pair.injectToRouter(whole(this.stranger.ikeSa.request(exchangeType, 'liveness', payloads, 0)));
    this.#received = this.stranger.receive(
      this.pair.sent.findLast(({ bytes }) => headerOf(bytes).isResponse)!.bytes,
    );
  }

  /** Notifications in the answer to `ask`. */
  notifiesOfAnswer(): { readonly type: number; readonly spi: number }[] {
    const received = this.#received;
    if (received?.kind !== 'response' || !received.payloads.ok) throw new Error('nothing was asked');
    return received.payloads.value.notifies.map(({ type, spi }) => ({
      type,
      spi: spi.length === 4 ? readUint32(spi, 0) : 0,
    }));
  }
}
