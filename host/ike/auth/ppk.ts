/**
 * Post-quantum pre-shared keys: what the two ends say about them in IKE_SA_INIT and IKE_AUTH. The key goes into SK_d, SK_pi
 * and SK_pr, beside whatever proves identities; who breaks the key exchange later still lacks it. RFC 8784.
 */
import type { Ppk } from '../../model/credentials.ts';
import { mixPpk } from '../crypto/key-derivation.ts';
import type { IkeSa } from '../ike-sa.ts';
import { notifyTypes } from '../wire/iana-numbers.ts';
import { encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';

/** RFC 8784 section 5.1: an identifier that is configured at both ends. */
const ppkIdFixed = 2;

/** What AUTH is made and checked with: an IKE SA, or the same with a PPK in its keys. */
export type AuthKeys = Pick<IkeSa, 'algorithms' | 'keys'>;

/** Says in IKE_SA_INIT that this end has a PPK, or in the answer that it may have the peer's. */
export function usePpkNotify(): PayloadValue {
  return encodeNotify(notifyTypes.usePpk);
}

export function speaksPpk(payloads: PayloadSet): boolean {
  return payloads.notify(notifyTypes.usePpk) !== undefined;
}

/** The keys of `ikeSa` with `ppk` in them; nothing of `ikeSa` changes. The caller wipes what is not adopted. */
export function withPpk(ikeSa: IkeSa, ppk: Ppk): AuthKeys {
  const { algorithms, keys } = ikeSa;
  return { algorithms, keys: mixPpk(algorithms.prf, keys, ppk.key) };
}

/** @wipes what `withPpk` made, and nothing of the IKE SA */
export function wipePpkKeys({ keys }: AuthKeys): void {
  keys.derivation.wipe();
  keys.authenticationInitiator.wipe();
  keys.authenticationResponder.wipe();
}

/** PPK_IDENTITY of the initiator: which of the responder's keys it means. */
export function ppkIdentityNotify(ppk: Ppk): PayloadValue {
  const id = new TextEncoder().encode(ppk.id);
  return encodeNotify(notifyTypes.ppkIdentity, Uint8Array.of(ppkIdFixed, ...id));
}

/** PPK_IDENTITY of the responder, empty: it has used the key. */
export function ppkUsedNotify(): PayloadValue {
  return encodeNotify(notifyTypes.ppkIdentity);
}

/** AUTH data without the PPK, for a responder that does not have it. */
export function noPpkAuthNotify(data: Uint8Array): PayloadValue {
  return encodeNotify(notifyTypes.noPpkAuth, data);
}

/** What an initiator says of PPKs in IKE_AUTH. */
export interface PpkOffer {
  /** It used some PPK. */
  readonly hasIdentity: boolean;
  /** Which one; undefined for a kind of identifier that is not known here. */
  readonly id: string | undefined;
  readonly authenticationWithout: Uint8Array | undefined;
}

export function ppkOfferIn(payloads: PayloadSet): PpkOffer {
  const data = payloads.notify(notifyTypes.ppkIdentity)?.data;
  const isFixed = data !== undefined && data[0] === ppkIdFixed;
  return {
    hasIdentity: data !== undefined,
    id: isFixed ? new TextDecoder().decode(data.subarray(1)) : undefined,
    authenticationWithout: payloads.notify(notifyTypes.noPpkAuth)?.data,
  };
}

/** True when the responder says that it has used the PPK. */
export function isPpkUsed(payloads: PayloadSet): boolean {
  return payloads.notify(notifyTypes.ppkIdentity) !== undefined;
}
