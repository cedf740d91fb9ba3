/**
 * Reads a request of CREATE_CHILD_SA: which of its three purposes it has, and the payloads for it. Answers nothing itself.
 * RFC 7296 sections 1.3.1 to 1.3.3 and appendix C.3 and C.4.
 */
import { ok } from '../../model/result.ts';
import { type ChildPayloads, parseChildPayloads } from '../child-sa.ts';
import { parseSaInit, type SaInit } from '../sa-init/sa-init.ts';
import { notifyTypes, payloadTypes, protocolIds } from '../wire/iana-numbers.ts';
import { type KeyExchange, parseKeyExchange, parseNonce } from '../wire/key-exchange.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { parseSecurityAssociation } from '../wire/security-association.ts';
import { type Parsed, readUint32, syntaxError } from '../wire/syntax.ts';

export interface ChildSaOffer extends ChildPayloads {
  /** Undefined when the keys are to come from the IKE SA's alone. */
  readonly keyExchange: KeyExchange | undefined;
  readonly nonce: Uint8Array;
}

export type CreateRequest =
  | { readonly kind: 'rekey-ike-sa'; readonly offer: SaInit }
  /** `spi` is where the sender receives on the CHILD SA that is to be replaced. */
  | { readonly kind: 'rekey-child'; readonly spi: number; readonly offer: ChildSaOffer }
  /** An AH SA, of which there are none here. */
  | { readonly kind: 'rekey-other' }
  | { readonly kind: 'new-child' };

/** Borrows the message. */
export function parseCreateRequest(payloads: PayloadSet): Parsed<CreateRequest> {
  const rekeyed = payloads.notify(notifyTypes.rekeySa);
  if (rekeyed === undefined) {
    const association = payloads.body(payloadTypes.securityAssociation);
    if (association === undefined) return syntaxError('expected SA in CREATE_CHILD_SA, found none');
    const proposals = parseSecurityAssociation(association);
    if (!proposals.ok) return proposals;
    if (proposals.value[0]?.protocolId !== protocolIds.ike) return ok({ kind: 'new-child' });
    const offer = parseSaInit(payloads);
    return offer.ok ? ok({ kind: 'rekey-ike-sa', offer: offer.value }) : offer;
  }
  if (rekeyed.protocolId !== protocolIds.esp) return ok({ kind: 'rekey-other' });
  if (rekeyed.spi.length !== 4) {
    return syntaxError(`expected an SPI of 4 octets in REKEY_SA, found ${rekeyed.spi.length}`);
  }
  const offer = parseChildSaOffer(payloads);
  if (!offer.ok) return offer;
  return ok({ kind: 'rekey-child', spi: readUint32(rekeyed.spi, 0), offer: offer.value });
}

/** SA, Nonce, TSi, TSr and perhaps KE of a rekeyed CHILD SA, from either end. Borrows the message. */
export function parseChildSaOffer(payloads: PayloadSet): Parsed<ChildSaOffer> {
  const child = parseChildPayloads(payloads);
  if (!child.ok) return child;
  if (child.value === undefined)
    return syntaxError('expected SA, TSi and TSr in CREATE_CHILD_SA, found none');
  const nonceBody = payloads.body(payloadTypes.nonce);
  if (nonceBody === undefined) return syntaxError('expected Nonce in CREATE_CHILD_SA, found none');
  const nonce = parseNonce(nonceBody);
  if (!nonce.ok) return nonce;
  const keyExchangeBody = payloads.body(payloadTypes.keyExchange);
  const keyExchange = keyExchangeBody === undefined ? ok(undefined) : parseKeyExchange(keyExchangeBody);
  if (!keyExchange.ok) return keyExchange;
  return ok({ ...child.value, nonce: nonce.value, keyExchange: keyExchange.value });
}
