/**
 * IKE_INTERMEDIATE with an additional key exchange, both roles: its payloads, and the keys and the transcript that come of
 * it. One such exchange stands between IKE_SA_INIT and IKE_AUTH where the proposal has one. RFC 9370 section 2.2.2, RFC 9242.
 *
 * The secret of ML-KEM goes on top of that of the first key exchange, so whoever wants the keys has to break both.
 */
import { fail, ok, type Result } from '../../model/result.ts';
import type { Secret } from '../../model/secret.ts';
import type { Transcript } from '../auth/auth-exchange.ts';
import { type Contents, intermediateAuth, intermediateMac } from '../crypto/intermediate.ts';
import { deriveRekeyedIkeKeys } from '../crypto/key-derivation.ts';
import type { EncapsulationPair, KeyEncapsulation } from '../crypto/mlkem.ts';
import type { IkeSa } from '../ike-sa.ts';
import { exchangeTypes, payloadTypes } from '../wire/iana-numbers.ts';
import { encodeKeyExchange, parseKeyExchange } from '../wire/key-exchange.ts';
import { contentsOf, type PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';

/** The initiator's half: payloads to send, and what waits for the answer. */
export interface AdditionalOffer {
  readonly method: KeyEncapsulation;
  readonly pair: EncapsulationPair;
  readonly payloads: readonly PayloadValue[];
}

export function offerAdditional(
  method: KeyEncapsulation,
  random: (octets: number) => Uint8Array,
): AdditionalOffer {
  const pair = method.generate(random);
  return {
    method,
    pair,
    payloads: [encodeKeyExchange({ method: method.id, data: pair.encapsulationKey })],
  };
}

/** One exchange that is over: both messages as they were inside, and its message ID. */
interface Exchanged {
  readonly request: Contents;
  readonly response: Contents;
  readonly messageId: number;
}

/**
 * The initiator takes the answer: its IKE SA has new keys from here on.
 *
 * @returns the transcript for IKE_AUTH
 */
export function acceptAdditional(
  offer: AdditionalOffer,
  ikeSa: IkeSa,
  transcript: Transcript,
  response: { readonly payloads: PayloadSet; readonly contents: Contents; readonly messageId: number },
): Result<Transcript, 'KEY_EXCHANGE'> {
  const data = publicValueIn(response.payloads, offer.method);
  if (!data.ok) return data;
  const sharedSecret = offer.pair.decapsulate(data.value);
  if (!sharedSecret.ok) return sharedSecret;
  return ok(
    complete(ikeSa, transcript, sharedSecret.value, {
      request: contentsOf(offer.payloads),
      response: response.contents,
      messageId: response.messageId,
    }),
  );
}

export interface AdditionalAnswer {
  readonly payloads: readonly PayloadValue[];
  /**
   * Gives the responder's IKE SA its new keys; call it once the answer, which is still under the old ones, is sealed.
   *
   * @returns the transcript for IKE_AUTH
   */
  complete(): Transcript;
}

/** The responder answers the initiator's half. */
export function answerAdditional(
  method: KeyEncapsulation,
  ikeSa: IkeSa,
  transcript: Transcript,
  request: { readonly payloads: PayloadSet; readonly contents: Contents; readonly messageId: number },
): Result<AdditionalAnswer, 'KEY_EXCHANGE'> {
  const data = publicValueIn(request.payloads, method);
  if (!data.ok) return data;
  const encapsulated = method.encapsulate(data.value);
  if (!encapsulated.ok) return encapsulated;
  const { ciphertext, sharedSecret } = encapsulated.value;
  const payloads = [encodeKeyExchange({ method: method.id, data: ciphertext })];
  const { contents, messageId } = request;
  return ok({
    payloads,
    complete: () =>
      complete(ikeSa, transcript, sharedSecret, {
        request: contents,
        response: contentsOf(payloads),
        messageId,
      }),
  });
}

function publicValueIn(payloads: PayloadSet, method: KeyEncapsulation): Result<Uint8Array, 'KEY_EXCHANGE'> {
  const body = payloads.body(payloadTypes.keyExchange);
  if (body === undefined) return fail('KEY_EXCHANGE', `expected KE of ${method.name}, found none`);
  const parsed = parseKeyExchange(body);
  if (!parsed.ok) return fail('KEY_EXCHANGE', parsed.message);
  if (parsed.value.method === method.id) return ok(parsed.value.data);
  return fail('KEY_EXCHANGE', `expected KE of ${method.name}, found method ${parsed.value.method}`);
}

/**
 * SKEYSEED(1) = prf(SK_d(0), SK(1) | Ni | Nr), and keys from it as ever (RFC 9370 section 2.2.2).
 *
 * @wipes `sharedSecret`
 */
function complete(
  ikeSa: IkeSa,
  transcript: Transcript,
  sharedSecret: Secret,
  exchanged: Exchanged,
): Transcript {
  const { algorithms, keys, initiatorSpi, responderSpi } = ikeSa;
  const { request, response, messageId } = exchanged;
  const header = { initiatorSpi, responderSpi, exchangeType: exchangeTypes.ikeIntermediate, messageId };
  // RFC 9242 section 3.3.2: with the SK_p that were there before the exchange.
  const macs = [
    intermediateMac(
      algorithms.prf,
      keys.authenticationInitiator,
      { ...header, fromInitiator: true, isResponse: false },
      request,
    ),
    intermediateMac(
      algorithms.prf,
      keys.authenticationResponder,
      { ...header, fromInitiator: false, isResponse: true },
      response,
    ),
  ] as const;
  const { initiatorNonce, responderNonce } = transcript;
  const next = deriveRekeyedIkeKeys({ prf: algorithms.prf, derivation: keys.derivation }, algorithms, {
    sharedSecret,
    initiatorNonce,
    responderNonce,
    initiatorSpi,
    responderSpi,
  });
  sharedSecret.wipe();
  ikeSa.replaceKeys(next);
  return { ...transcript, intermediate: intermediateAuth(macs[0], macs[1], messageId + 1) };
}
