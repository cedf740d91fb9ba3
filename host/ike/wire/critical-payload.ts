/** Payloads that are unknown here and that their sender took to be critical: the message is not accepted (RFC 7296 section 2.5). */
import { notifyTypes } from './iana-numbers.ts';
import { encodeNotify } from './notify.ts';
import type { PayloadValue } from './payload-chain.ts';
import type { PayloadSet } from './payload-set.ts';

export interface CriticalRefusal {
  readonly reason: 'unsupported-critical-payload';
  readonly message: string;
  /** What the sender is told. */
  readonly notify: PayloadValue;
}

/** Why a message with such a payload is refused; undefined for one without. */
export function refuseUnknownCritical({
  unsupportedCritical: type,
}: PayloadSet): CriticalRefusal | undefined {
  if (type === undefined) return undefined;
  return {
    reason: 'unsupported-critical-payload',
    message: `expected no critical payload of a type unknown here, found ${type}`,
    notify: encodeNotify(notifyTypes.unsupportedCriticalPayload, Uint8Array.of(type)),
  };
}
