/**
 * IKE_SA_INIT, for both roles: its payloads, and the IKE SA that comes of it. RFC 7296 sections 1.2 and 2.14, appendix C.1.
 */
import { ok } from '../../model/result.ts';
import type { IkeAlgorithms } from '../crypto/algorithms.ts';
import { deriveIkeKeys, type IkeKeySources } from '../crypto/key-derivation.ts';
import { IkeSa, type IkeSaParameters } from '../ike-sa.ts';
import { headerOctets, type IkeHeader } from '../wire/header.ts';
import { payloadTypes } from '../wire/iana-numbers.ts';
import { type KeyExchange, parseKeyExchange, parseNonce } from '../wire/key-exchange.ts';
import { splitPayloads } from '../wire/payload-chain.ts';
import { PayloadSet } from '../wire/payload-set.ts';
import { type OfferedProposal, parseSecurityAssociation } from '../wire/security-association.ts';
import { type Parsed, syntaxError } from '../wire/syntax.ts';

/** Ours: 256 bits, above the half of the prf's key that RFC 7296 section 2.10 asks for. */
export const nonceOctets = 32;

export interface SaInit {
  readonly proposals: readonly OfferedProposal[];
  readonly keyExchange: KeyExchange;
  readonly nonce: Uint8Array;
}

/** The payloads of an unprotected message; an Encrypted payload has no place in it. */
export function parseUnprotected(header: IkeHeader, octets: Uint8Array): Parsed<PayloadSet> {
  const chain = splitPayloads(header.nextPayload, octets, headerOctets);
  if (!chain.ok) return chain;
  if (chain.value.encrypted !== undefined) {
    return syntaxError('expected payloads in the clear, found an Encrypted payload');
  }
  return PayloadSet.of(chain.value.payloads);
}

/** SA, KE and Nonce of IKE_SA_INIT or of a rekeyed IKE SA, each of which must be there. Borrows the message. */
export function parseSaInit(payloads: PayloadSet): Parsed<SaInit> {
  const association = payloads.body(payloadTypes.securityAssociation);
  const keyExchangeBody = payloads.body(payloadTypes.keyExchange);
  const nonceBody = payloads.body(payloadTypes.nonce);
  if (association === undefined || keyExchangeBody === undefined || nonceBody === undefined) {
    return syntaxError('expected SA, KE and Nonce, found one of them missing');
  }
  const proposals = parseSecurityAssociation(association);
  if (!proposals.ok) return proposals;
  const keyExchange = parseKeyExchange(keyExchangeBody);
  if (!keyExchange.ok) return keyExchange;
  const nonce = parseNonce(nonceBody);
  if (!nonce.ok) return nonce;
  return ok({ proposals: proposals.value, keyExchange: keyExchange.value, nonce: nonce.value });
}

/**
 * The IKE SA under fresh keys.
 *
 * @wipes the shared secret of `sources`
 */
export function keyedIkeSa(
  role: 'initiator' | 'responder',
  config: Pick<IkeSaParameters, 'retransmission' | 'random' | 'longestMessageOctets' | 'lastMessageId'>,
  algorithms: IkeAlgorithms,
  sources: IkeKeySources,
): IkeSa {
  const { initiatorSpi, responderSpi, sharedSecret } = sources;
  const keys = deriveIkeKeys(algorithms, sources);
  sharedSecret.wipe();
  const { retransmission, random, longestMessageOctets, lastMessageId } = config;
  return new IkeSa({
    role,
    initiatorSpi,
    responderSpi,
    algorithms,
    keys,
    retransmission,
    random,
    longestMessageOctets,
    lastMessageId,
  });
}
