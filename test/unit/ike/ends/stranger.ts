/**
 * The other end played by hand: it speaks the protocol correctly up to the point where a test wants it to say something
 * else. Built from the parts of host/ike below the machines, so that any payload can be put under valid protection.
 */
import { authenticationOf, type Transcript } from '../../../../host/ike/auth/auth-exchange.ts';
import { encodeEspSpi } from '../../../../host/ike/child-sa.ts';
import { aes256Gcm16 } from '../../../../host/ike/crypto/aead.ts';
import type { IkeAlgorithms } from '../../../../host/ike/crypto/algorithms.ts';
import { curve25519 } from '../../../../host/ike/crypto/curve25519.ts';
import { deriveIkeKeys } from '../../../../host/ike/crypto/key-derivation.ts';
import type { KeyPair } from '../../../../host/ike/crypto/key-exchange.ts';
import { prfHmacSha256 } from '../../../../host/ike/crypto/prf.ts';
import { IkeSa, type Received } from '../../../../host/ike/ike-sa.ts';
import { acceptableEsp, acceptableIke, proposalsOf } from '../../../../host/ike/proposal-selection.ts';
import { defaultRetransmission } from '../../../../host/ike/retransmission.ts';
import { parseSaInit, parseUnprotected } from '../../../../host/ike/sa-init/sa-init.ts';
import { IkeHeader } from '../../../../host/ike/wire/header.ts';
import { exchangeTypes, payloadTypes } from '../../../../host/ike/wire/iana-numbers.ts';
import {
  encodeAuthentication,
  encodeIdentification,
  type Identity,
} from '../../../../host/ike/wire/identification.ts';
import { encodeKeyExchange, encodeNonce } from '../../../../host/ike/wire/key-exchange.ts';
import { encodeMessage, type PayloadValue } from '../../../../host/ike/wire/payload-chain.ts';
import { encodeSecurityAssociation } from '../../../../host/ike/wire/security-association.ts';
import { encodeTrafficSelectors } from '../../../../host/ike/wire/traffic-selector.ts';
import { inner, key, routerIdentity, seededRandom, serverIdentity } from './pair.ts';
import { espProposals, ikeProposals } from './proposals.ts';

const random = seededRandom('stranger');
export const sharedKey = 'correct horse battery staple';

/** The one proposal that a stranger has, and the answer that it gives. */
const ikeOffer = ikeProposals('aes256gcm16-prfsha256-x25519');
const espOffer = espProposals('aes256gcm16-esn');
const algorithms: IkeAlgorithms = {
  cipher: aes256Gcm16,
  integrity: undefined,
  prf: prfHmacSha256,
  keyExchange: curve25519,
};

export const payload = {
  saInit: (): PayloadValue =>
    encodeSecurityAssociation(proposalsOf(acceptableIke(ikeOffer), new Uint8Array(0))),
  saEsp: (spi = 0xbeef01): PayloadValue =>
    encodeSecurityAssociation(proposalsOf(acceptableEsp(espOffer, 'ike-auth'), encodeEspSpi(spi))),
  selectors: (
    role: 'initiator' | 'responder',
    selectors = [inner(role === 'initiator' ? 1 : 100)],
  ): PayloadValue => ({
    type:
      role === 'initiator' ? payloadTypes.trafficSelectorInitiator : payloadTypes.trafficSelectorResponder,
    body: encodeTrafficSelectors(selectors),
  }),
  identity: (role: 'initiator' | 'responder', identity?: Identity): PayloadValue => ({
    type: role === 'initiator' ? payloadTypes.identificationInitiator : payloadTypes.identificationResponder,
    body: encodeIdentification(identity ?? (role === 'initiator' ? routerIdentity : serverIdentity)),
  }),
};

/** A stranger as responder: answers the IKE_SA_INIT request `bytes`. */
export class StrangeResponder {
  readonly response: Uint8Array;
  readonly ikeSa: IkeSa;
  readonly #transcript: Transcript;

  /**
   * @param behind payloads of its answer to IKE_SA_INIT behind the others
   * @param choice its SA payload
   */
  constructor(bytes: Uint8Array, behind: readonly PayloadValue[] = [], choice = payload.saInit()) {
    const keyPair = curve25519.generate(random);
    const { header, init } = readInit(bytes);
    const responderSpi = 0x1122334455667788n;
    const nonce = random(32);
    this.response = encodeMessage(
      {
        initiatorSpi: header.initiatorSpi,
        responderSpi,
        exchangeType: exchangeTypes.ikeSaInit,
        fromInitiator: false,
        isResponse: true,
        messageId: 0,
      },
      [
        choice,
        encodeKeyExchange({ method: curve25519.id, data: keyPair.publicValue }),
        encodeNonce(nonce),
        ...behind,
      ],
    );
    this.#transcript = {
      initiatorMessage: bytes,
      responderMessage: this.response,
      initiatorNonce: init.nonce,
      responderNonce: nonce,
    };
    this.ikeSa = ikeSaOf(
      'responder',
      keyPair,
      init.keyExchange.data,
      this.#transcript,
      header.initiatorSpi,
      responderSpi,
    );
  }

  receive(bytes: Uint8Array): Received {
    return this.ikeSa.receive(headerOf(bytes), bytes);
  }

  /** AUTH over the real transcript, with the key and identity of choice. */
  authentication(preSharedKey = sharedKey, identity = serverIdentity): PayloadValue {
    return authPayload('responder', this.ikeSa, this.#transcript, preSharedKey, identity);
  }
}

/** A stranger as initiator: sends `request`, goes on with the answer to it. */
export class StrangeInitiator {
  readonly request: Uint8Array;
  readonly #keyPair: KeyPair = curve25519.generate(random);
  readonly #nonce = random(32);
  readonly #spi: bigint;

  /** @param inFront payloads of its request in place of its one proposal */
  constructor(spi = 0xa1a2a3a4a5a6a7a8n, inFront: readonly PayloadValue[] = [payload.saInit()]) {
    this.#spi = spi;
    this.request = encodeMessage(
      {
        initiatorSpi: spi,
        responderSpi: 0n,
        exchangeType: exchangeTypes.ikeSaInit,
        fromInitiator: true,
        isResponse: false,
        messageId: 0,
      },
      [
        ...inFront,
        encodeKeyExchange({ method: curve25519.id, data: this.#keyPair.publicValue }),
        encodeNonce(this.#nonce),
      ],
    );
  }

  /** The IKE SA after the responder's answer, and the payloads of an IKE_AUTH request that would be accepted. */
  proceed(
    response: Uint8Array,
    preSharedKey = sharedKey,
  ): { ikeSa: IkeSa; payloads: PayloadValue[]; transcript: Transcript } {
    const { header, init } = readInit(response);
    const transcript: Transcript = {
      initiatorMessage: this.request,
      responderMessage: response,
      initiatorNonce: this.#nonce,
      responderNonce: init.nonce,
    };
    const ikeSa = ikeSaOf(
      'initiator',
      this.#keyPair,
      init.keyExchange.data,
      transcript,
      this.#spi,
      header.responderSpi,
    );
    const payloads = [
      payload.identity('initiator'),
      authPayload('initiator', ikeSa, transcript, preSharedKey, routerIdentity),
      payload.saEsp(),
      payload.selectors('initiator'),
      payload.selectors('responder'),
    ];
    return { ikeSa, payloads, transcript };
  }

  /** AUTH under the keys that `ikeSa` has now. */
  authentication(ikeSa: IkeSa, transcript: Transcript): PayloadValue {
    return authPayload('initiator', ikeSa, transcript, sharedKey, routerIdentity);
  }
}

/** The one message of a request or response that is not in fragments. */
export function whole(messages: readonly Uint8Array[]): Uint8Array {
  const [message] = messages;
  if (message === undefined || messages.length > 1) throw new Error(`expected one, found ${messages.length}`);
  return message;
}

export function headerOf(bytes: Uint8Array): IkeHeader {
  const header = IkeHeader.check(bytes);
  if (!header.ok) throw new Error(header.message);
  return header.value;
}

function readInit(bytes: Uint8Array) {
  const header = headerOf(bytes);
  const payloads = parseUnprotected(header, bytes);
  if (!payloads.ok) throw new Error(payloads.message);
  const init = parseSaInit(payloads.value);
  if (!init.ok) throw new Error(init.message);
  return { header, init: init.value };
}

function ikeSaOf(
  role: 'initiator' | 'responder',
  keyPair: KeyPair,
  peerPublicValue: Uint8Array,
  transcript: Transcript,
  initiatorSpi: bigint,
  responderSpi: bigint,
): IkeSa {
  const sharedSecret = keyPair.agree(peerPublicValue);
  if (!sharedSecret.ok) throw new Error(sharedSecret.message);
  const sources = { ...transcript, sharedSecret: sharedSecret.value, initiatorSpi, responderSpi };
  const keys = deriveIkeKeys(algorithms, sources);
  return new IkeSa({
    role,
    initiatorSpi,
    responderSpi,
    algorithms,
    keys,
    retransmission: defaultRetransmission,
    longestMessageOctets: undefined,
    random,
  });
}

function authPayload(
  role: 'initiator' | 'responder',
  ikeSa: IkeSa,
  transcript: Transcript,
  preSharedKey: string,
  identity: Identity,
): PayloadValue {
  const identification = encodeIdentification(identity);
  const data = authenticationOf(role, ikeSa, transcript, key(preSharedKey), identification);
  return { type: payloadTypes.authentication, body: encodeAuthentication({ method: 2, data }) };
}
