/**
 * The responder's answer to a well-formed IKE_SA_INIT request that passed the limits: its choice of algorithms, a fresh
 * key pair and SPI. Keeps nothing itself. RFC 7296 sections 1.2, 2.7 and 2.23.
 */
import { speaksPpk, usePpkNotify } from '../auth/ppk.ts';
import type { MessageEvent, RefusalReason } from '../events.ts';
import { fragmentationNotify, longestMessage } from '../fragmentation.ts';
import { detectNat, natDetectionNotifies } from '../path/nat-detection.ts';
import { acceptableIke, ikeAlgorithmsOf, keywordsOf, selectProposal } from '../proposal-selection.ts';
import type { ResponderConfig, ResponderSetup } from '../responder.ts';
import { encodeCertificateRequest } from '../wire/certificate.ts';
import type { IkeHeader } from '../wire/header.ts';
import { exchangeTypes, notifyTypes } from '../wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce } from '../wire/key-exchange.ts';
import { encodeInvalidKe, encodeNotify } from '../wire/notify.ts';
import { encodeMessage, type PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { encodeSecurityAssociation } from '../wire/security-association.ts';
import { nonceOctets, type SaInit } from './sa-init.ts';
import { announceSignatureHashes } from './signature-hashes.ts';

export type SaInitOutcome =
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly message: string;
      /** What to answer; nothing when absent. */
      readonly notify?: PayloadValue;
    }
  | { readonly kind: 'accepted'; readonly setup: Omit<ResponderSetup, 'unknownKey' | 'freshIkeSpi'> };

/** Decides on `init`, the payloads of `event`. Copies what it keeps of the message. */
export function answerSaInit(
  config: ResponderConfig,
  header: IkeHeader,
  event: MessageEvent,
  payloads: PayloadSet,
  init: SaInit,
  responderSpi: bigint,
): SaInitOutcome {
  const speaksIntermediate = payloads.notify(notifyTypes.intermediateExchangeSupported) !== undefined;
  const ikeProposals = config.ikeProposals.filter(
    ({ additionalKeyExchange }) => additionalKeyExchange === undefined || speaksIntermediate,
  );
  const proposal = selectProposal(acceptableIke(ikeProposals), init.proposals);
  if (proposal === undefined) {
    return {
      kind: 'refused',
      reason: 'no-proposal-chosen',
      message: `expected a proposal of ${keywordsOf(config.ikeProposals)}; found none`,
      notify: encodeNotify(notifyTypes.noProposalChosen),
    };
  }
  const algorithms = ikeAlgorithmsOf(proposal);
  const method = algorithms.keyExchange;
  if (init.keyExchange.method !== method.id) {
    return {
      kind: 'refused',
      reason: 'invalid-ke-payload',
      message: `expected key exchange method ${method.id} (${method.name}), found ${init.keyExchange.method}`,
      notify: encodeInvalidKe(method.id),
    };
  }
  if (init.keyExchange.data.length !== method.publicOctets) {
    const message = `expected a public value of ${method.publicOctets} octets, found ${init.keyExchange.data.length}`;
    return { kind: 'refused', reason: 'malformed', message };
  }
  const usesPpk = config.hasPpks?.() === true && speaksPpk(payloads);
  const { initiatorSpi } = header;
  const { from: peer, to: local } = event;
  const keyPair = method.generate(config.random);
  const responderNonce = config.random(nonceOctets);
  const spis = { initiatorSpi, responderSpi };
  const longestMessageOctets = longestMessage(payloads, config.longestDatagramOctets);
  const responderMessage = encodeMessage(
    {
      ...spis,
      exchangeType: exchangeTypes.ikeSaInit,
      fromInitiator: false,
      isResponse: true,
      messageId: 0,
    },
    [
      encodeSecurityAssociation([proposal]),
      encodeKeyExchange({ method: method.id, data: keyPair.publicValue }),
      encodeNonce(responderNonce),
      ...natDetectionNotifies(
        spis,
        local,
        peer,
        config.forceUdpEncapsulation ? config.random(20) : undefined,
      ),
      ...(longestMessageOctets === undefined ? [] : [fragmentationNotify()]),
      ...(usesPpk ? [usePpkNotify()] : []),
      ...(algorithms.additionalKeyExchange === undefined
        ? []
        : [encodeNotify(notifyTypes.intermediateExchangeSupported)]),
      ...certificatePayloads(config),
    ],
  );
  return {
    kind: 'accepted',
    setup: {
      ...spis,
      algorithms,
      keyPair,
      peerPublicValue: init.keyExchange.data.slice(),
      transcript: {
        initiatorMessage: event.bytes.slice(),
        responderMessage,
        initiatorNonce: init.nonce.slice(),
        responderNonce,
        speaksPpk: usesPpk,
      },
      longestMessageOctets,
      // The hashes of the request were made while the responder's SPI was zero.
      nat: detectNat({ initiatorSpi, responderSpi: 0n }, payloads, peer, local),
      local,
      peer,
    },
  };
}

/** What an initiator needs to know to prove itself by a certificate. */
function certificatePayloads(config: ResponderConfig): PayloadValue[] {
  const trust = config.certificateTrust?.();
  if (trust === undefined) return [];
  return [encodeCertificateRequest(trust.authorityKeyHashes), announceSignatureHashes()];
}
