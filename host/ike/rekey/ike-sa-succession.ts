/**
 * The IKE SAs that one peer and this end have with each other: the current one, those that it has replaced and that still
 * answer, and around a rekeying by the peer the one that is about to become current. Knows when each goes and wipes it;
 * what is said on them is the business of established-sa.ts. RFC 7296 sections 2.8.2, 2.18 and 2.25.2.
 */
import { earliest, type Instant } from '../../model/instant.ts';
import type { Nonces } from '../crypto/key-derivation.ts';
import { type SaId, saIdOf } from '../events.ts';
import type { IkeSa } from '../ike-sa.ts';
import { addressedSaId } from '../ike-spi.ts';
import type { IkeHeader } from '../wire/header.ts';

/**
 * How long an IKE SA that the peer has deleted, or is to delete, is kept to answer repetitions; ours, a little more than
 * four seconds' back-off takes for the third try.
 */
export const lingerMs = 30_000;

/** IKE SAs of one peer, replaced ones included, above which it gets no other for the time being. */
const maximumIkeSas = 8;

export interface Member {
  readonly saId: SaId;
  readonly ikeSa: IkeSa;
  /** When it is wiped at the latest, once it is not needed for anything but answers. */
  goneAt: Instant | undefined;
}

/** One that the peer has set up and not used yet. */
export interface Pending {
  readonly member: Member;
  readonly nonces: Nonces;
  /** When it is given up: the peer did not take our answer. */
  readonly until: Instant;
}

export class IkeSaSuccession {
  readonly #members = new Map<SaId, Member>();
  #saIds: readonly SaId[] = [];
  #current: Member;
  /**
   * Set up by the peer in place of the current one, and not used by the peer yet: it may not have our answer, or give way
   * to one that we set up at the same time.
   */
  #pending: Pending | undefined;

  constructor(first: IkeSa) {
    this.#current = this.#add(first);
  }

  /** The one on which new exchanges of this end start. */
  get current(): Member {
    return this.#current;
  }

  get pending(): Pending | undefined {
    return this.#pending;
  }

  /** By these the peer may name this end. The array stays the same object until it changes. */
  get saIds(): readonly SaId[] {
    return this.#saIds;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  get isFull(): boolean {
    return this.#members.size >= maximumIkeSas;
  }

  get deadline(): Instant | undefined {
    let next = this.#pending?.until;
    for (const { ikeSa, goneAt } of this.#members.values()) {
      next = earliest(next, earliest(ikeSa.deadline, goneAt));
    }
    return next;
  }

  /**
   * Does what is due: wipes those whose time is over, and returns the messages to be sent again. `isUnanswered` says that
   * the current one has had no answer to the last repetition.
   */
  expire(now: Instant): { readonly resend: Uint8Array[]; readonly isUnanswered: boolean } {
    const resend: Uint8Array[] = [];
    if (this.#pending !== undefined && this.#pending.until <= now) this.dropPending(now);
    for (const member of [...this.#members.values()]) {
      if (member.goneAt !== undefined && member.goneAt <= now) {
        this.remove(member);
        continue;
      }
      const due = member.ikeSa.expire(now);
      if (due === undefined) continue;
      if (due !== 'no-response') resend.push(...due.resend);
      else if (member === this.#current) return { resend, isUnanswered: true };
      // The delete of one that was replaced: the current one tells whether the peer is still there.
      else this.remove(member);
    }
    return { resend, isUnanswered: false };
  }

  /** The one that both SPIs of a message name. */
  find(header: IkeHeader): Member | undefined {
    const member = this.#members.get(addressedSaId(header));
    if (member === undefined) return undefined;
    const { initiatorSpi, responderSpi } = member.ikeSa;
    return initiatorSpi === header.initiatorSpi && responderSpi === header.responderSpi ? member : undefined;
  }

  /** Takes up an IKE SA that the peer has set up in place of the current one; it is to use it, or to delete it, before `until`. */
  expect(ikeSa: IkeSa, nonces: Nonces, until: Instant): void {
    this.#pending = { member: this.#add(ikeSa), nonces, until };
  }

  /** Makes the pending one current; the one before, which the peer is to delete, answers until `until`. */
  adoptPending(until: Instant): void {
    if (this.#pending === undefined) return;
    this.#current.goneAt ??= until;
    this.#current = this.#pending.member;
    this.#pending = undefined;
  }

  /** The peer deletes the pending one, or will, because another stays. */
  dropPending(until: Instant): void {
    if (this.#pending === undefined) return;
    this.#pending.member.goneAt ??= until;
    this.#pending = undefined;
  }

  /** Takes up an IKE SA that this end has set up. */
  add(ikeSa: IkeSa): Member {
    return this.#add(ikeSa);
  }

  /** Makes a member current; the one before is for the caller to delete. */
  replaceCurrent(member: Member): void {
    this.#current = member;
  }

  /** Leaves `survivor` alone to answer, until `until`. */
  keepOnly(survivor: Member, until: Instant): void {
    for (const member of [...this.#members.values()]) if (member !== survivor) this.remove(member);
    survivor.ikeSa.forgetRequest();
    survivor.goneAt = until;
    this.#current = survivor;
    this.#pending = undefined;
  }

  /** @wipes the keys of the member */
  remove(member: Member): void {
    if (!this.#members.delete(member.saId)) return;
    if (this.#pending?.member === member) this.#pending = undefined;
    this.#saIds = [...this.#members.keys()];
    member.ikeSa.wipe();
  }

  /** @wipes the keys of all */
  removeAll(): void {
    for (const member of [...this.#members.values()]) this.remove(member);
  }

  #add(ikeSa: IkeSa): Member {
    const member: Member = { saId: saIdOf(ikeSa.ownSpi), ikeSa, goneAt: undefined };
    this.#members.set(member.saId, member);
    this.#saIds = [...this.#members.keys()];
    return member;
  }
}
