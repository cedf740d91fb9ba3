/**
 * The notice that this end was started anew and knows none of its peer's SAs: an INFORMATIONAL message outside any IKE SA, in
 * the clear (RFC 7296 section 1.5). Anybody can forge it, so it never ends anything: who gets it asks the peer, within
 * the IKE SA, whether it is still there.
 */
import type { IkeSa } from './ike-sa.ts';
import { parseUnprotected } from './sa-init/sa-init.ts';
import { IkeHeader } from './wire/header.ts';
import { exchangeTypes, notifyTypes, payloadTypes } from './wire/iana-numbers.ts';
import { encodeNotify } from './wire/notify.ts';
import { encodeMessage } from './wire/payload-chain.ts';

/** The notification names an ESP SPI; a machine that was started anew knows none, and says zero. */
const espSpiOctets = 4;

/** The notice as a whole message, the same for everybody. */
export function encodeLostState(): Uint8Array {
  return encodeMessage(
    {
      initiatorSpi: 0n,
      responderSpi: 0n,
      exchangeType: exchangeTypes.informational,
      fromInitiator: true,
      isResponse: false,
      messageId: 0,
    },
    [encodeNotify(notifyTypes.invalidSpi, new Uint8Array(espSpiOctets))],
  );
}

/** True for a message that `encodeLostState` made, here or elsewhere. */
export function isLostState(bytes: Uint8Array): boolean {
  const header = IkeHeader.check(bytes);
  if (
    !header.ok ||
    header.value.initiatorSpi !== 0n ||
    header.value.exchangeType !== exchangeTypes.informational
  ) {
    return false;
  }
  const payloads = parseUnprotected(header.value, bytes);
  return payloads.ok && payloads.value.notify(notifyTypes.invalidSpi) !== undefined;
}

/** RFC 7296 section 2.21.4: INVALID_IKE_SPI in the clear, in answer to the request that is outstanding. */
export function isLostStateHint(ikeSa: IkeSa, header: IkeHeader, bytes: Uint8Array): boolean {
  if (!ikeSa.awaits(header) || header.nextPayload !== payloadTypes.notify) return false;
  const payloads = parseUnprotected(header, bytes);
  return payloads.ok && payloads.value.notify(notifyTypes.invalidIkeSpi) !== undefined;
}
