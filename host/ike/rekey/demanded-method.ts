/**
 * The answer INVALID_KE_PAYLOAD to a rekeying: the request is to be made again with the key exchange that the peer names, if
 * that was offered. It came under the protection of the IKE SA, so nobody else has said it. RFC 7296 sections 1.3 and 3.10.1.
 */
import type { KeyExchangeMethod } from '../crypto/key-exchange.ts';
import { type Acceptable, offeredMethod } from '../proposal-selection.ts';
import { notifyTypes } from '../wire/iana-numbers.ts';
import { parseInvalidKe } from '../wire/notify.ts';
import type { PayloadSet } from '../wire/payload-set.ts';

/** The method demanded in place of `tried`; undefined when there is no demand, or none that can be met. */
export function demandedMethod(
  acceptables: readonly Acceptable[],
  tried: KeyExchangeMethod | undefined,
  payloads: PayloadSet,
): KeyExchangeMethod | undefined {
  const notify = payloads.notify(notifyTypes.invalidKePayload);
  const id = notify && parseInvalidKe(notify.data);
  if (id === undefined || !id.ok) return undefined;
  const method = offeredMethod(acceptables, id.value);
  return method === tried ? undefined : method;
}
