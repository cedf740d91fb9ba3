/**
 * Puts a message together that its sender has spread over fragments, each of them authentic: one object an exchange and
 * direction, so that memory is bounded by one message each way. RFC 7383 section 2.6.
 */
import { fail, ok, type Result } from '../model/result.ts';
import type { Contents } from './crypto/intermediate.ts';
import type { RefusalReason } from './events.ts';
import type { EncryptedPayload, FragmentPlace } from './wire/payload-chain.ts';
import { concatenate } from './wire/syntax.ts';

/** Ours: with fragments for the smallest IPv4 datagram (576 octets) that is more than the octets below. */
const maximumFragments = 80;

/** Ours: a message with a chain of four RSA certificates of 4096 bits has about 8 KiB, with requests of ten CAs 9 KiB. */
export const maximumMessageOctets = 32 * 1024;

export class Reassembly {
  readonly #parts = new Map<number, Uint8Array>();
  #exchangeType = 0;
  #innerType = 0;
  #total = 0;
  #octets = 0;

  /**
   * Looks at a fragment before anything is decrypted, and changes nothing: `isNew` when it is worth opening, false for a
   * copy of one that is here already.
   */
  examine(
    place: FragmentPlace,
    exchangeType: number,
  ): Result<
    { readonly isNew: boolean },
    Extract<RefusalReason, 'malformed' | 'unexpected' | 'fragment-limit'>
  > {
    const { number, total } = place;
    if (number < 1 || number > total) {
      return fail('malformed', `expected a fragment from 1 to ${total}, found ${number}`);
    }
    if (total > maximumFragments) {
      return fail('fragment-limit', `expected at most ${maximumFragments} fragments, found ${total}`);
    }
    if (this.#total === 0) return ok({ isNew: true });
    if (exchangeType !== this.#exchangeType) {
      return fail('unexpected', 'expected fragments of one exchange, found another type');
    }
    if (total < this.#total) {
      return fail('unexpected', `expected a fragment of ${this.#total} or more, found one of ${total}`);
    }
    return ok({ isNew: total > this.#total || !this.#parts.has(number) });
  }

  /**
   * Takes in an authentic fragment that `examine` found new; copies nothing, owns `part` from here. Returns the message, in a
   * fresh array, when this was the last one missing. More fragments than before mean that the sender started anew with
   * smaller ones.
   */
  add(
    encrypted: EncryptedPayload & { readonly fragment: FragmentPlace },
    exchangeType: number,
    part: Uint8Array,
  ): Result<Contents | undefined, 'fragment-limit'> {
    const { number, total } = encrypted.fragment;
    if (total > this.#total) this.clear();
    if (this.#octets + part.length > maximumMessageOctets) {
      return fail(
        'fragment-limit',
        `expected a message of at most ${maximumMessageOctets} octets, found more`,
      );
    }
    this.#total = total;
    this.#exchangeType = exchangeType;
    if (number === 1) this.#innerType = encrypted.innerType;
    this.#parts.set(number, part);
    this.#octets += part.length;
    if (this.#parts.size < total) return ok(undefined);
    const ordered = Array.from({ length: total }, (_, index) => this.#parts.get(index + 1) ?? part);
    const message = { innerType: this.#innerType, plaintext: concatenate(...ordered) };
    this.clear();
    return ok(message);
  }

  /** Lets go of everything, as for the next exchange. @wipes the parts */
  clear(): void {
    for (const part of this.#parts.values()) part.fill(0);
    this.#parts.clear();
    this.#exchangeType = 0;
    this.#innerType = 0;
    this.#total = 0;
    this.#octets = 0;
  }
}
