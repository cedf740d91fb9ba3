/** What a request to rekey comes to, at either end: values that the two kinds of rekeying share. RFC 7296 section 2.25. */
import type { ChildSaAction } from '../child-sas.ts';
import type { FailureReason, RefusalReason } from '../events.ts';
import { notifyTypes } from '../wire/iana-numbers.ts';
import { encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';

/** What the peer's request comes to. */
export type RekeyAnswer =
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly message: string;
      readonly notify: PayloadValue;
    }
  | {
      readonly kind: 'accepted';
      /** To be carried out before the answer leaves. */
      readonly actions: readonly ChildSaAction[];
      readonly answer: readonly PayloadValue[];
    };

/** Why ours came to nothing, for good. */
export interface RekeyFailure {
  readonly kind: 'failed';
  readonly reason: FailureReason;
  readonly message: string;
}

/** The same request may succeed a little later. */
export function busy(message: string): Extract<RekeyAnswer, { kind: 'refused' }> {
  const notify = encodeNotify(notifyTypes.temporaryFailure);
  return { kind: 'refused', reason: 'temporary-failure', message, notify };
}
