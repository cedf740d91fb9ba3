/**
 * The payloads of one message by type: what may occur once occurs at most once, and what the sender marked as critical
 * is known. Sits between the chain and the exchanges. RFC 7296 sections 2.5 and 3.2.
 */
import { ok } from '../../model/result.ts';
import { payloadTypes } from './iana-numbers.ts';
import { type Notify, parseNotify } from './notify.ts';
import type { Payload } from './payload-chain.ts';
import { type Parsed, syntaxError } from './syntax.ts';

/** Types that RFC 7296 lets a message carry several times. */
const repeatableTypes: ReadonlySet<number> = new Set([
  payloadTypes.certificate,
  payloadTypes.certificateRequest,
  payloadTypes.notify,
  payloadTypes.delete,
  payloadTypes.vendorId,
]);

const knownTypes: ReadonlySet<number> = new Set(Object.values(payloadTypes));

export class PayloadSet {
  readonly #single: ReadonlyMap<number, Uint8Array>;
  readonly #payloads: readonly Payload[];
  readonly notifies: readonly Notify[];
  /** Type of the first payload that the sender marked critical and that is unknown here. */
  readonly unsupportedCritical: number | undefined;

  private constructor(
    payloads: readonly Payload[],
    single: ReadonlyMap<number, Uint8Array>,
    notifies: readonly Notify[],
    unsupportedCritical: number | undefined,
  ) {
    this.#payloads = payloads;
    this.#single = single;
    this.notifies = notifies;
    this.unsupportedCritical = unsupportedCritical;
  }

  /** Indexes `payloads`. Unknown ones without the critical bit are ignored, as RFC 7296 section 2.5 demands. */
  static of(payloads: readonly Payload[]): Parsed<PayloadSet> {
    const single = new Map<number, Uint8Array>();
    const notifies: Notify[] = [];
    let unsupportedCritical: number | undefined;
    for (const payload of payloads) {
      if (!knownTypes.has(payload.type)) {
        if (payload.critical) unsupportedCritical ??= payload.type;
      } else if (payload.type === payloadTypes.notify) {
        const notify = parseNotify(payload.body);
        if (!notify.ok) return notify;
        notifies.push(notify.value);
      } else if (!repeatableTypes.has(payload.type)) {
        if (single.has(payload.type)) {
          return syntaxError(`expected payload ${payload.type} once, found it twice`);
        }
        single.set(payload.type, payload.body);
      }
    }
    return ok(new PayloadSet(payloads, single, notifies, unsupportedCritical));
  }

  /** Body of the payload of a type that occurs at most once. */
  body(type: number): Uint8Array | undefined {
    return this.#single.get(type);
  }

  /** Bodies of all payloads of a type, in order. */
  bodies(type: number): readonly Uint8Array[] {
    return this.#payloads.filter((payload) => payload.type === type).map((payload) => payload.body);
  }

  /** The first notification of a type. */
  notify(type: number): Notify | undefined {
    return this.notifies.find((notify) => notify.type === type);
  }
}
