/**
 * What an error notification of the peer means for the initiator: one table from RFC 7296 section 3.10.1 to our codes
 * and to words for the person who reads the log.
 */
import type { FailureReason, RefusalReason } from './events.ts';
import { notifyTypes } from './wire/iana-numbers.ts';
import { isErrorNotify } from './wire/notify.ts';
import type { PayloadSet } from './wire/payload-set.ts';

export interface Failure {
  readonly reason: FailureReason;
  /** Counter for the message that carried it. */
  readonly refusal: RefusalReason;
  readonly message: string;
}

const failures: ReadonlyMap<number, Failure> = new Map([
  [
    notifyTypes.noProposalChosen,
    {
      reason: 'no-proposal-chosen',
      refusal: 'no-proposal-chosen',
      message: 'the peer accepts none of the algorithms offered; compare the proposals of both ends',
    },
  ],
  [
    notifyTypes.invalidKePayload,
    {
      reason: 'invalid-ke-payload',
      refusal: 'invalid-ke-payload',
      message: 'the peer wants a key exchange that was not offered; compare the proposals of both ends',
    },
  ],
  [
    notifyTypes.invalidMajorVersion,
    {
      reason: 'invalid-major-version',
      refusal: 'major-version',
      message: 'the peer does not speak IKE version 2',
    },
  ],
  [
    notifyTypes.authenticationFailed,
    {
      reason: 'authentication-failed',
      refusal: 'authentication-failed',
      message: 'the peer did not accept our identity, or our pre-shared key or certificate; its log says why',
    },
  ],
  [
    notifyTypes.tsUnacceptable,
    {
      reason: 'ts-unacceptable',
      refusal: 'ts-unacceptable',
      message: 'the peer accepts none of the inner addresses asked for',
    },
  ],
  [
    notifyTypes.temporaryFailure,
    {
      reason: 'temporary-failure',
      refusal: 'temporary-failure',
      message: 'the peer is busy with a rekeying or deletion of its own',
    },
  ],
  [
    notifyTypes.childSaNotFound,
    {
      reason: 'child-sa-not-found',
      refusal: 'child-sa-not-found',
      message: 'the peer does not have the CHILD SA that was to be rekeyed',
    },
  ],
  [
    notifyTypes.noAdditionalSas,
    {
      reason: 'no-additional-sas',
      refusal: 'no-additional-sas',
      message: 'the peer accepts no more SAs within this IKE SA',
    },
  ],
  [
    notifyTypes.invalidSyntax,
    {
      reason: 'invalid-syntax',
      refusal: 'invalid-syntax',
      message: 'the peer could not read our message',
    },
  ],
  [
    notifyTypes.unsupportedCriticalPayload,
    {
      reason: 'unsupported-critical-payload',
      refusal: 'unsupported-critical-payload',
      message: 'the peer does not know a payload that it took to be critical',
    },
  ],
] satisfies [number, Failure][]);

/** Looks an error notification up; an unlisted one is `refused-by-peer`, with its number in the message. */
function failureOf(notifyType: number): Failure {
  return (
    failures.get(notifyType) ?? {
      reason: 'refused-by-peer',
      refusal: 'unexpected',
      message: `the peer refused with notification ${notifyType}`,
    }
  );
}

/** The first error notification of a message, looked up. */
export function failureIn(payloads: PayloadSet): Failure | undefined {
  const error = payloads.notifies.find((notify) => isErrorNotify(notify.type));
  return error && failureOf(error.type);
}
