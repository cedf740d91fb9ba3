/**
 * Reads a request of INFORMATIONAL: what it deletes, and whether it says that the IKE SA is over. Answers nothing itself.
 * RFC 7296 sections 1.4, 1.4.1 and 2.21.2.
 */
import { ok } from '../model/result.ts';
import type { CloseReason } from './events.ts';
import { notifyTypes, payloadTypes, protocolIds } from './wire/iana-numbers.ts';
import { parseDelete } from './wire/notify.ts';
import type { PayloadSet } from './wire/payload-set.ts';
import type { Parsed } from './wire/syntax.ts';

export interface Informational {
  readonly deletesIkeSa: boolean;
  /** ESP SAs that are deleted, by the SPIs on which the sender received. */
  readonly deletedSpis: readonly number[];
  /** A notification that ends the IKE SA without a Delete payload. */
  readonly rejection: CloseReason | undefined;
}

export function parseInformational(payloads: PayloadSet): Parsed<Informational> {
  let deletesIkeSa = false;
  const deletedSpis: number[] = [];
  for (const body of payloads.bodies(payloadTypes.delete)) {
    const parsed = parseDelete(body);
    if (!parsed.ok) return parsed;
    if (parsed.value.protocolId === protocolIds.ike) deletesIkeSa = true;
    if (parsed.value.protocolId === protocolIds.esp) deletedSpis.push(...parsed.value.spis);
  }
  return ok({ deletesIkeSa, deletedSpis, rejection: rejectionIn(payloads) });
}

/** Notifications that end an IKE SA without a Delete payload (RFC 7296 section 2.21.2). */
export function rejectionIn(payloads: PayloadSet): CloseReason | undefined {
  if (payloads.notify(notifyTypes.authenticationFailed) !== undefined) return 'authentication-failed';
  if (payloads.notify(notifyTypes.invalidSyntax) !== undefined) return 'invalid-syntax';
  return undefined;
}
