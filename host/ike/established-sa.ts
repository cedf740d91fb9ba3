/**
 * What one peer and this end have with each other after IKE_AUTH, for both roles: an IKE SA with its CHILD SA, through all
 * their rekeyings, to the end. INFORMATIONAL and CREATE_CHILD_SA exchanges, one request of ours at a time, and what is
 * to be done when both ends act at once. RFC 7296 sections 1.3, 1.4, 2.4, 2.8, 2.18, 2.21 and 2.25.
 */
import type { Endpoint } from '../model/address.ts';
import { earliest, type Instant } from '../model/instant.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import { type ChildSaAction, ChildSas } from './child-sas.ts';
import type { EstablishedParameters } from './established-parameters.ts';
import { type CloseReason, type IkeAction, type RefusalReason, type SaId, sendAll } from './events.ts';
import type { Purpose, Received } from './ike-sa.ts';
import { parseInformational, rejectionIn } from './informational.ts';
import { isLostStateHint } from './lost-state.ts';
import { MessageIdBudget } from './message-id-budget.ts';
import type { Passage } from './path/mobike.ts';
import { PathToPeer } from './path/path-to-peer.ts';
import { parseCreateRequest } from './rekey/create-child-sa.ts';
import { IkeSaSuccession, lingerMs, type Member } from './rekey/ike-sa-succession.ts';
import { busy, type RekeyFailure } from './rekey/rekey-answer.ts';
import { Rekeyings, type RekeyStart } from './rekey/rekeyings.ts';
import { refuseUnknownCritical } from './wire/critical-payload.ts';
import type { IkeHeader } from './wire/header.ts';
import { exchangeTypes, notifyTypes } from './wire/iana-numbers.ts';
import type { Identity } from './wire/identification.ts';
import { encodeDeleteEsp, encodeDeleteIkeSa, encodeNotify } from './wire/notify.ts';
import type { PayloadValue } from './wire/payload-chain.ts';
import type { PayloadSet } from './wire/payload-set.ts';

type Request = Extract<Received, { kind: 'request' }>;
type Response = Extract<Received, { kind: 'response' }>;

/** Seals and sends the answer to one request. */
type Answer = (values: readonly PayloadValue[]) => IkeAction[];

export class EstablishedSa {
  readonly peerIdentity: Identity;
  readonly path: PathToPeer;
  /** IKE_AUTH brought no CHILD SA. */
  readonly isChildless: boolean;
  readonly #ikeSas: IkeSaSuccession;
  readonly #children: ChildSas;
  readonly #rekeyings: Rekeyings;
  readonly #messageIds = new MessageIdBudget();
  /** open; closing: our delete of the IKE SA is under way; lingering: only answers are left; gone: keys wiped. */
  #phase: 'open' | 'closing' | 'lingering' | 'gone' = 'open';
  #isReported: boolean;
  /** The IKE SA is to be deleted once the request under way is answered: the window is one. */
  #wantsClose = false;

  constructor(parameters: EstablishedParameters) {
    this.peerIdentity = parameters.peerIdentity;
    this.#ikeSas = new IkeSaSuccession(parameters.ikeSa);
    this.#children = new ChildSas(parameters.childSa);
    this.#rekeyings = new Rekeyings(parameters, this.#children, this.#ikeSas);
    this.path = new PathToPeer(parameters);
    this.isChildless = parameters.childSa === undefined;
    // Without a CHILD SA nobody was told of an establishment, so nobody is told of the end.
    this.#isReported = this.isChildless;
  }

  /** Name of the current IKE SA; the first one's until it is rekeyed. */
  get saId(): SaId {
    return this.#ikeSas.current.saId;
  }

  /** Names by which the peer's messages may reach this object. The same array until it changes. */
  get saIds(): readonly SaId[] {
    return this.#ikeSas.saIds;
  }

  /** True when both SPIs of a message are those of one of its IKE SAs. */
  isAddressed(header: IkeHeader): boolean {
    return this.#ikeSas.find(header) !== undefined;
  }

  get isOpen(): boolean {
    return this.#phase === 'open' && !this.#isReported;
  }

  get isGone(): boolean {
    return this.#phase === 'gone';
  }

  get nextDeadline(): Instant | undefined {
    if (this.#phase === 'gone') return undefined;
    // Once `closed` is said, nobody waits for the end of single CHILD SAs.
    const next = earliest(this.#ikeSas.deadline, this.#isReported ? undefined : this.#children.deadline);
    return this.#isIdle && this.#rekeyings.isNext ? earliest(next, this.#rekeyings.waitsUntil) : next;
  }

  /** Nothing of ours is under way, and something may be. */
  get #isIdle(): boolean {
    return this.#phase === 'open' && this.#ikeSas.current.ikeSa.outstanding === undefined;
  }

  handleMessage(
    header: IkeHeader,
    bytes: Uint8Array,
    from: Endpoint,
    to: Endpoint,
    now: Instant,
  ): IkeAction[] {
    if (this.#phase === 'gone') return [];
    const member = this.#ikeSas.find(header);
    if (member === undefined) {
      return [{ kind: 'refused', reason: 'unknown-spi', message: 'expected SPIs known here', from }];
    }
    // Both ends may delete at once: then the answer to our own delete comes late, and is no news.
    if (this.#phase === 'lingering' && header.isResponse) return [];
    if (isLostStateHint(member.ikeSa, header, bytes)) {
      return member === this.#ikeSas.current ? [{ kind: 'peer-lost-state', saId: this.saId }] : [];
    }
    const received = member.ikeSa.receive(header, bytes);
    switch (received.kind) {
      case 'refused':
        return [{ ...received, from }];
      case 'repeated-request':
        // RFC 7296 section 2.23: a repetition, which anybody can replay, moves nobody's address.
        return sendAll(received.response, to, from);
      case 'fragment':
        return [];
      default:
        return [
          ...this.#follow(member, received, from, to),
          ...this.#confirm(member, now),
          ...(received.kind === 'request'
            ? this.#answer(member, received, from, to, now)
            : this.#handleResponse(member, received, now)),
          ...this.#next(now),
        ];
    }
  }

  /** Sends an empty INFORMATIONAL request, unless one of ours is outstanding anyway. */
  checkLiveness(now: Instant): IkeAction[] {
    if (!this.#isIdle) return [];
    const payloads = this.path.livenessPayloads(this.#ikeSas.current.ikeSa);
    return this.#request(this.#ikeSas.current, 'liveness', payloads, now);
  }

  /** Goes on from another address of ours: `moved` or `move-refused` follows, where the path can. */
  move(local: Endpoint, now: Instant): IkeAction[] {
    this.path.move(local);
    return this.#next(now);
  }

  /**
   * Replaces the CHILD SA, and `child-installed` follows, or the IKE SA, and `ike-sa-rekeyed` follows; or `rekey-failed`.
   * Nothing while either end does that already.
   */
  rekey(what: RekeyWhat, now: Instant): IkeAction[] {
    if (!this.isOpen) return [];
    this.#rekeyings.want(what);
    return this.#next(now);
  }

  /** An authentic packet came in on a CHILD SA: the peer uses it, so this end may. */
  noteChildArrival(inboundSpi: number): IkeAction[] {
    return this.#isReported ? [] : this.#named(this.#children.noteArrival(inboundSpi));
  }

  /** Deletes the IKE SA and with it the CHILD SA; `closed` follows when the peer has answered or stays silent. */
  close(now: Instant): IkeAction[] {
    if (this.#phase !== 'open') return [];
    this.#wantsClose = true;
    return this.#next(now);
  }

  /** Ends at once without a word to the peer, who has declared the SA dead itself. */
  abandon(reason: CloseReason): IkeAction[] {
    const actions = this.#report(reason);
    this.#ikeSas.removeAll();
    this.#phase = 'gone';
    return actions;
  }

  handleDeadline(now: Instant): IkeAction[] {
    if (this.#phase === 'gone') return [];
    const actions: IkeAction[] = this.#isReported ? [] : this.#named(this.#children.expire(now));
    const { resend, isUnanswered } = this.#ikeSas.expire(now);
    actions.push(...this.path.send(resend));
    if (isUnanswered) {
      const isOurs = this.#phase === 'closing' || this.#wantsClose;
      return [...actions, ...this.abandon(isOurs ? 'local' : 'no-response')];
    }
    if (this.#ikeSas.isEmpty) return [...actions, ...this.abandon('local')];
    return [...actions, ...this.#next(now)];
  }

  /** Starts the next request of ours, if none is under way and one is wanted. */
  #next(now: Instant): IkeAction[] {
    if (!this.#isIdle) return [];
    const spent = this.#messageIds.look(this.#ikeSas.current.ikeSa);
    if (spent === 'rekey') this.#rekeyings.want('ike-sa');
    if (spent === 'close') this.#wantsClose = true;
    if (this.#wantsClose) {
      // The peer may use the new IKE SA already, and would take a delete of the old one for the usual end of its rekeying.
      const adopted = this.#adopt(now);
      this.#phase = 'closing';
      return [...adopted, ...this.#delete(this.#ikeSas.current, now)];
    }
    const { current } = this.#ikeSas;
    const deleting = this.#children.deleting.map(({ inboundSpi }) => inboundSpi);
    if (deleting.length > 0) {
      return this.#request(current, 'delete-child', [encodeDeleteEsp(deleting)], now);
    }
    const moving = this.path.nextRequest(current.ikeSa);
    if (moving !== undefined) return this.#request(current, moving.purpose, moving.payloads, now);
    return this.#startRekey(this.#rekeyings.start(now), now);
  }

  #startRekey(started: RekeyStart | undefined, now: Instant): IkeAction[] {
    if (started === undefined) return [];
    // Only the CHILD SA takes something that may be missing: a place in the data plane.
    if (started.kind === 'failed') return [this.#rekeyFailed('child', started)];
    return this.#request(this.#ikeSas.current, started.purpose, started.payloads, now);
  }

  #answer(member: Member, request: Request, from: Endpoint, to: Endpoint, now: Instant): IkeAction[] {
    const { exchangeType, messageId, payloads } = request;
    const answer: Answer = (values) =>
      sendAll(member.ikeSa.respond(exchangeType, messageId, values), to, from);
    const refuse = (reason: RefusalReason, message: string, notify: PayloadValue): IkeAction[] => [
      { kind: 'refused', reason, message, from },
      ...answer([notify]),
    ];
    const invalid = (message: string): IkeAction[] => [
      ...refuse('invalid-syntax', message, encodeNotify(notifyTypes.invalidSyntax)),
      ...this.#report('invalid-syntax'),
      ...this.#linger(member, now),
    ];
    if (!payloads.ok) return invalid(payloads.message);
    const critical = refuseUnknownCritical(payloads.value);
    if (critical !== undefined) return refuse(critical.reason, critical.message, critical.notify);
    if (exchangeType === exchangeTypes.informational) {
      const passage = { spis: member.ikeSa, local: to, peer: from };
      return this.#answerInformational(member, payloads.value, passage, answer, invalid, now);
    }
    if (exchangeType !== exchangeTypes.createChildSa) {
      return invalid(`expected an exchange of an established IKE SA, found type ${exchangeType}`);
    }
    const asked = parseCreateRequest(payloads.value);
    if (!asked.ok) return invalid(asked.message);
    const isClosing = !this.isOpen || this.#wantsClose;
    const rekeyed = isClosing
      ? busy('expected no rekeying while the IKE SA is being closed')
      : this.#rekeyings.answer(member, asked.value, now);
    if (rekeyed.kind === 'accepted') {
      // Installed first: the data plane receives before the peer can send.
      return [...this.#named(rekeyed.actions), ...answer(rekeyed.answer)];
    }
    if (rekeyed.reason === 'invalid-syntax') return invalid(rekeyed.message);
    return refuse(rekeyed.reason, rekeyed.message, rekeyed.notify);
  }

  #answerInformational(
    member: Member,
    payloads: PayloadSet,
    passage: Passage,
    answer: Answer,
    invalid: (message: string) => IkeAction[],
    now: Instant,
  ): IkeAction[] {
    const said = parseInformational(payloads);
    if (!said.ok) return invalid(said.message);
    const { deletesIkeSa, rejection, deletedSpis } = said.value;
    if (deletesIkeSa) return [...answer([]), ...this.#acceptDelete(member, now)];
    if (rejection !== undefined) {
      return [...answer([]), ...this.#report(rejection), ...this.#linger(member, now)];
    }
    const moving = this.path.answer(payloads, passage);
    const answerAll: Answer = (values) => answer([...values, ...moving.payloads]);
    return [...moving.actions, ...this.#acceptChildDeletes(deletedSpis, answerAll, now)];
  }

  /** The peer deletes an IKE SA: one that was replaced, or the current one and with it everything. */
  #acceptDelete(member: Member, now: Instant): IkeAction[] {
    const { current, pending } = this.#ikeSas;
    if (member === pending?.member) {
      // Ours is still under way, and the peer has found its own to be the redundant one.
      this.#ikeSas.dropPending(now + lingerMs);
      return [];
    }
    if (member !== current) {
      member.ikeSa.forgetRequest();
      member.goneAt ??= now + lingerMs;
      return [];
    }
    if (pending !== undefined) {
      // RFC 7296 section 2.8.2: the peer has not noticed our rekeying, which is to be forgotten.
      this.#rekeyings.ikeSa.forget();
      return this.#adopt(now);
    }
    const reason = this.#phase === 'closing' || this.#wantsClose ? 'local' : 'peer-deleted';
    return [...this.#report(reason), ...this.#linger(member, now)];
  }

  #acceptChildDeletes(spis: readonly number[], answer: Answer, now: Instant): IkeAction[] {
    const { paired, actions: ended, isLast } = this.#children.acceptDeletes(spis, now);
    const actions = [...answer(paired.length === 0 ? [] : [encodeDeleteEsp(paired)]), ...this.#named(ended)];
    if (!isLast || this.#isReported) return actions;
    this.#wantsClose = true;
    return [...actions, ...this.#report('child-deleted')];
  }

  #handleResponse(member: Member, response: Response, now: Instant): IkeAction[] {
    const { payloads, purpose } = response;
    if (purpose === 'delete') {
      if (member === this.#ikeSas.current) return this.abandon('local');
      this.#ikeSas.remove(member);
      return [];
    }
    // RFC 7296 section 2.21.3: a response that makes no sense is fatal, and so is INVALID_SYNTAX in one.
    if (!payloads.ok || rejectionIn(payloads.value) !== undefined) return this.abandon('invalid-syntax');
    const actions: IkeAction[] = this.isOpen ? [{ kind: 'alive', saId: this.saId }] : [];
    switch (purpose) {
      case 'delete-child':
        for (const record of this.#children.deleting) {
          actions.push(...this.#named(this.#children.markDeleted(record, now)));
        }
        break;
      case 'rekey-child':
        actions.push(...this.#finishChildRekey(payloads.value, now));
        break;
      case 'rekey-ike-sa':
        actions.push(...this.#finishIkeSaRekey(payloads.value, now));
        break;
      default: {
        const moving = this.path.accept(purpose, payloads.value, member.ikeSa, this.saId);
        if (moving === 'not-routable') return this.abandon(moving);
        actions.push(...moving);
      }
    }
    return actions;
  }

  #finishChildRekey(payloads: PayloadSet, now: Instant): IkeAction[] {
    const { current } = this.#ikeSas;
    const finished = this.#rekeyings.child.finish(current.ikeSa, payloads, this.#wantsClose, now);
    const actions = this.#named(finished.actions);
    switch (finished.end.kind) {
      case 'done':
        return actions;
      case 'again':
        return [...actions, ...this.#startRekey(this.#rekeyings.startChild(finished.end.method), now)];
      case 'failed':
        return [...actions, this.#rekeyFailed('child', finished.end)];
      case 'lost':
        // The two ends do not mean the same any more.
        this.#wantsClose = true;
        return [...actions, ...this.#report('child-deleted')];
    }
  }

  #finishIkeSaRekey(payloads: PayloadSet, now: Instant): IkeAction[] {
    const { current } = this.#ikeSas;
    const end = this.#rekeyings.ikeSa.finish(payloads, this.#wantsClose, now);
    switch (end.kind) {
      case 'done':
        return [];
      case 'again':
        return this.#startRekey(this.#rekeyings.startIkeSa(end.method), now);
      case 'failed':
        return [this.#rekeyFailed('ike-sa', end)];
      case 'adopt': {
        const redundant = end.redundant === undefined ? [] : this.#delete(end.redundant, now);
        return [...redundant, ...this.#adopt(now)];
      }
      case 'replace':
        this.#ikeSas.dropPending(now + lingerMs);
        this.#ikeSas.replaceCurrent(end.member);
        this.#rekeyings.ikeSa.isWanted = false;
        return [
          { kind: 'ike-sa-rekeyed', saId: end.member.saId, replaced: current.saId },
          ...this.#delete(current, now),
        ];
    }
  }

  /** The peer uses the IKE SA that it set up, so it has our answer, and the old one is history. */
  #confirm(member: Member, now: Instant): IkeAction[] {
    const isDecided = !this.#rekeyings.ikeSa.isUnderWay;
    return member === this.#ikeSas.pending?.member && isDecided ? this.#adopt(now) : [];
  }

  /** Makes the IKE SA current that the peer set up, if there is one. */
  #adopt(now: Instant): IkeAction[] {
    const { current: before, pending } = this.#ikeSas;
    if (pending === undefined) return [];
    this.#ikeSas.adoptPending(now + lingerMs);
    // The peer is about to delete the old one, or has, and does not owe an answer on it any more.
    this.path.repeat(before.ikeSa.outstanding);
    before.ikeSa.forgetRequest();
    this.#rekeyings.ikeSa.isWanted = false;
    this.#rekeyings.giveUp();
    return [{ kind: 'ike-sa-rekeyed', saId: this.saId, replaced: before.saId }];
  }

  #follow(member: Member, received: Request | Response, from: Endpoint, to: Endpoint): IkeAction[] {
    const isInformational =
      received.kind === 'request' && received.exchangeType === exchangeTypes.informational;
    const request = isInformational && received.payloads.ok ? received.payloads.value : undefined;
    return this.path.follow({ spis: member.ikeSa, local: to, peer: from }, request, this.saId);
  }

  #delete(member: Member, now: Instant): IkeAction[] {
    return this.#request(member, 'delete', [encodeDeleteIkeSa()], now);
  }

  #request(member: Member, purpose: Purpose, payloads: readonly PayloadValue[], now: Instant): IkeAction[] {
    const isRekeying = purpose === 'rekey-child' || purpose === 'rekey-ike-sa';
    const exchangeType = isRekeying ? exchangeTypes.createChildSa : exchangeTypes.informational;
    return this.path.send(member.ikeSa.request(exchangeType, purpose, payloads, now));
  }

  #rekeyFailed(what: RekeyWhat, { reason, message }: RekeyFailure): IkeAction {
    this.#rekeyings.giveUp();
    return { kind: 'rekey-failed', saId: this.saId, what, reason, message };
  }

  #named(actions: readonly ChildSaAction[]): IkeAction[] {
    return actions.map((action) => ({ ...action, saId: this.saId }));
  }

  /** `closed`, once. */
  #report(reason: CloseReason): IkeAction[] {
    if (this.#isReported) return [];
    this.#isReported = true;
    const { saId, peerIdentity } = this;
    const closed: IkeAction = { kind: 'closed', saId, reason, peerIdentity };
    return [...this.#named(this.#rekeyings.child.forget()), closed];
  }

  #linger(member: Member, now: Instant): IkeAction[] {
    this.#phase = 'lingering';
    this.#ikeSas.keepOnly(member, now + lingerMs);
    return [];
  }
}
