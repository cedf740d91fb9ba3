/** Message IDs come to their end: 2^32 requests would take some years, so here there are fewer. RFC 7296 section 2.2. */
import { describe, expect, it } from 'vitest';
import { exchangeTypes, notifyTypes } from '../../../host/ike/wire/iana-numbers.ts';
import { encodeNotify } from '../../../host/ike/wire/notify.ts';
import { actionsOf, outcomes, Pair } from './ends/pair.ts';
import { headerOf, StrangeInitiator, whole } from './ends/stranger.ts';

function established(options: ConstructorParameters<typeof Pair>[0]): Pair {
  const pair = new Pair(options);
  pair.start();
  return pair.run();
}

/** Largest message ID of each IKE SA that was used, by the SPI of its initiator. */
function largestIds(pair: Pair): number[] {
  const largest = new Map<bigint, number>();
  for (const { bytes } of pair.sent) {
    const { initiatorSpi, messageId } = headerOf(bytes);
    largest.set(initiatorSpi, Math.max(largest.get(initiatorSpi) ?? 0, messageId));
  }
  return [...largest.values()];
}

describe('an IKE SA whose message IDs come to their end', () => {
  it.each([
    ['initiator', { initiator: { lastMessageId: 100 } }],
    ['responder', { responder: { lastMessageId: 100 } }],
  ])('is rekeyed before, by an %s that counts', (_, options) => {
    const pair = established(options);
    for (let asked = 0; asked < 200; asked++) {
      pair.checkLiveness();
      pair.run(pair.now + 1000);
    }
    expect(actionsOf(pair.initiatorActions, 'ike-sa-rekeyed')).toHaveLength(1);
    expect(actionsOf(pair.responderActions, 'ike-sa-rekeyed')).toHaveLength(1);
    expect(pair.initiator.isEstablished).toBe(true);
    expect(actionsOf(pair.initiatorActions, 'alive').length).toBeGreaterThanOrEqual(200);
    const [first, second] = largestIds(pair);
    expect(first).toBeLessThan(50);
    expect(second).toBeGreaterThan(150);
  });

  it('is asked to be rekeyed once by who finds a peer that refuses, and closed with the last of them', () => {
    const pair = new Pair({ responder: { lastMessageId: 20 } });
    const stranger = new StrangeInitiator();
    pair.injectToServer(stranger.request);
    const { ikeSa, payloads } = stranger.proceed(pair.sent[0]!.bytes);
    pair.injectToServer(whole(ikeSa.request(exchangeTypes.ikeAuth, 'authentication', payloads, 0)));
    ikeSa.receive(headerOf(pair.sent[1]!.bytes), pair.sent[1]!.bytes);
    const { saId } = actionsOf(pair.responderActions, 'established')[0]!;
    const refusal = encodeNotify(notifyTypes.noAdditionalSas);
    const requests: string[] = [];
    for (let step = 0; step < 100; step++) {
      const before = pair.sent.length;
      pair.atResponder({ kind: 'check-liveness', saId });
      for (let at = before; at < pair.sent.length; at++) {
        const { bytes } = pair.sent[at]!;
        const header = headerOf(bytes);
        if (header.isResponse) continue;
        const isRekeying = header.exchangeType === exchangeTypes.createChildSa;
        requests.push(`${header.messageId} ${isRekeying ? 'rekey' : 'informational'}`);
        ikeSa.receive(header, bytes);
        pair.injectToServer(
          whole(ikeSa.respond(header.exchangeType, header.messageId, isRekeying ? [refusal] : [])),
        );
      }
    }
    expect(requests.filter((one) => one.endsWith('rekey'))).toEqual(['1 rekey']);
    expect(requests.map((one) => Number.parseInt(one, 10))).toEqual(
      Array.from({ length: 21 }, (_, id) => id),
    );
    expect(outcomes(pair.responderActions)).toContain('rekey-failed no-additional-sas');
    expect(outcomes(pair.responderActions).at(-1)).toBe('closed local');
  });
});
