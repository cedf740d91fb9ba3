/**
 * A staged roll-out as a pure machine: tells the routers of the open stage to bring themselves to a version, counts what they
 * report, opens the next stage when this one's are through and too few failed, and stops otherwise. docs/rollout.md has the rules.
 *
 * What it does for one report or one channel costs the same for ten routers as for ten thousand; a stage that opens is gone through
 * once, and told at a bounded rate. Everything that it says is in the store before.
 */
import type { Upgrade, UpgradeReport } from '../../messages/message.ts';
import { DeadlineHeap } from '../../model/deadline-heap.ts';
import { HostError } from '../../model/host-error.ts';
import { earliest, type Instant } from '../../model/instant.ts';
import type { RolloutStatus } from '../../model/status.ts';
import { newMembers, newRollout } from './beginning.ts';
import { TellingLine } from './line.ts';
import { type Member, Members, storedMember } from './members.ts';
import {
  chooseRouters,
  type KnownRouter,
  orderId,
  type RolloutPlan,
  rolloutOrder,
  stageEnds,
} from './plan.ts';
import { stageDecision } from './stage.ts';
import { rolloutStatus } from './status.ts';
import type {
  MemberState,
  RolloutChange,
  RolloutState,
  StoredRollout,
  StoredRolloutState,
} from './stored.ts';
import { verdictOf } from './verdict.ts';

export interface RolloutOptions {
  readonly random: (octets: number) => Uint8Array;
  /** The wall clock's UTC time in milliseconds, at an instant of the boot-time clock. */
  readonly utcMsAt: (instant: Instant) => number;
  /** What the store has. */
  readonly stored?: StoredRolloutState | undefined;
}

export type RolloutAction =
  | { readonly kind: 'rollout'; readonly change: RolloutChange }
  | { readonly kind: 'send'; readonly router: string; readonly message: Upgrade }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn';
      readonly what: 'rollout';
      readonly detail: string;
    };

/** An order that shows no effect is sent again. */
const repeatMs = 30_000;
/** Names in a reason. */
const namedFailures = 5;

export class Rollout {
  readonly #options: RolloutOptions;
  #rollout: StoredRollout | undefined;
  #members = new Members([]);
  #ends: readonly number[] = [];
  /** Routers that reported on their present channel, with what they run. */
  readonly #present = new Map<string, { readonly software: string; readonly report: UpgradeReport }>();
  readonly #due = new DeadlineHeap<Member>();
  readonly #line = new TellingLine();
  #stageEndsAt: Instant | undefined;
  #touched = new Set<Member>();
  #isChanged = false;
  #actions: RolloutAction[] = [];
  #isRestored = false;

  constructor(options: RolloutOptions) {
    this.#options = options;
    if (options.stored === undefined) return;
    this.#rollout = options.stored.rollout;
    this.#members = new Members(options.stored.members);
    this.#open(options.stored.rollout);
  }

  /** When it next wants a `deadline`. */
  nextDeadline(): Instant | undefined {
    if (this.#rollout !== undefined && !this.#isRestored) return 0;
    // While routers have to confirm, the end of the stage alone changes nothing.
    const awaitsAbsent = this.#rollout?.state === 'running' && this.#members.counts.told === 0;
    const stageDue = awaitsAbsent ? this.#stageEndsAt : undefined;
    return earliest(earliest(this.#due.earliest, stageDue), this.#line.dueAt);
  }

  status(now: Instant): RolloutStatus | null {
    if (this.#rollout === undefined) return null;
    const endsAt = this.#rollout.state === 'running' ? this.#stageEndsAt : undefined;
    const isAway = (router: string): boolean => !this.#present.has(router);
    return rolloutStatus(this.#rollout, this.#members, this.#ends, isAway, endsAt && endsAt - now);
  }

  /** Starts one. Throws HostError USAGE while another is under way, or when there is nobody for it. */
  start(plan: RolloutPlan, known: readonly KnownRouter[], now: Instant): RolloutAction[] {
    this.#restore(now);
    const before = this.#rollout;
    if (before !== undefined && (before.state === 'running' || before.state === 'paused'))
      throw new HostError('USAGE', `the roll-out of ${before.version} is ${before.state}: abort it first`);
    const chosen = chooseRouters(plan, known);
    const order = rolloutOrder(plan.version, [...chosen.keys()]);
    const { version } = plan;
    const id = Buffer.from(this.#options.random(8)).toString('hex');
    this.#rollout = newRollout(plan, id, this.#utc(now));
    for (const member of this.#members.all()) this.#due.set(member, undefined);
    this.#line.clear();
    this.#members = new Members(newMembers(order));
    this.#open(this.#rollout);
    for (const member of this.#members.all()) {
      this.#touched.add(member);
      const { software = '', standing = null } = chosen.get(member.router) ?? {};
      const isUnderWay = standing?.version === version && ['writing', 'trial'].includes(standing.stage);
      const present = this.#present.get(member.router);
      if (present !== undefined) this.#judge(member, present.software, present.report, now);
      else if (software === version && !isUnderWay) this.#settle(member, 'done', '');
    }
    this.#say('info', `of ${version} to ${order.length} routers started`);
    this.#beginStage(now);
    this.#advance(now);
    return this.#drain(true);
  }

  /** Throws HostError USAGE where the state does not allow it. */
  pause(now: Instant): RolloutAction[] {
    this.#restore(now);
    this.#expect('running');
    this.#enter('paused', '');
    return this.#drain();
  }

  /** Goes on from a pause or a stop, with another limit if one is given. The open stage has its whole time again. */
  resume(now: Instant, maxFailures?: number): RolloutAction[] {
    this.#restore(now);
    const rollout = this.#expect('paused', 'stopped');
    const limit = maxFailures ?? rollout.maxFailures;
    const { failed } = this.#members.counts;
    if (failed >= limit)
      throw new HostError(
        'USAGE',
        `${failed} routers have failed and the limit is ${limit}: give a higher one`,
      );
    this.#change({ maxFailures: limit, isExcused: rollout.state === 'stopped' || rollout.isExcused });
    this.#enter('running', '');
    this.#beginStage(now);
    this.#advance(now);
    return this.#drain();
  }

  abort(now: Instant): RolloutAction[] {
    this.#restore(now);
    this.#expect('running', 'paused', 'stopped');
    this.#enter('aborted', '');
    this.#line.clear();
    return this.#drain();
  }

  /** A router reports what it runs and what became of its last version-up. */
  report(router: string, software: string, report: UpgradeReport, now: Instant): RolloutAction[] {
    this.#restore(now);
    this.#present.set(router, { software, report });
    const member = this.#members.find(router);
    if (member === undefined) return this.#drain();
    this.#judge(member, software, report, now);
    this.#advance(now);
    return this.#drain();
  }

  /** Its channel is gone. */
  gone(router: string): void {
    this.#present.delete(router);
  }

  /** Routers that are not enrolled any more. */
  expelled(routers: readonly string[], now: Instant): RolloutAction[] {
    this.#restore(now);
    for (const router of routers) {
      this.#present.delete(router);
      const member = this.#members.find(router);
      if (member !== undefined && !isFinal(member)) this.#settle(member, 'left', 'not enrolled any more');
    }
    this.#advance(now);
    return this.#drain();
  }

  deadline(now: Instant): RolloutAction[] {
    this.#restore(now);
    for (let member = this.#due.takeDue(now); member !== undefined; member = this.#due.takeDue(now))
      this.#memberDue(member, now);
    this.#advance(now);
    for (const member of this.#line.take(now)) this.#tell(member, now);
    return this.#drain();
  }

  /** Once, with the first event: instants of the store become ones of this machine's clock. */
  #restore(now: Instant): void {
    if (this.#isRestored) return;
    this.#isRestored = true;
    const rollout = this.#rollout;
    if (rollout === undefined) return;
    // A wall clock that was set back must not make anybody wait for longer than a stage.
    const left = Math.min(rollout.stageEndsAtUtcMs - this.#utc(now), rollout.stageSeconds * 1000);
    this.#stageEndsAt = now + Math.max(0, left);
    for (const member of this.#members.all()) if (member.state === 'told') this.#plan(member, rollout, now);
  }

  #judge(member: Member, software: string, report: UpgradeReport, now: Instant): void {
    const rollout = this.#rollout;
    if (rollout === undefined) return;
    member.reportedAt = report.at;
    const told = {
      version: rollout.version,
      orderId: orderId(rollout.id, member.router),
      isTold: member.state === 'told',
      before: member.before,
    };
    const verdict = verdictOf(told, software, report);
    member.progress = verdict.kind === 'heard' ? verdict.progress : '';
    if (verdict.kind === 'done') this.#settle(member, 'done', '');
    if (isFinal(member)) return;
    if (verdict.kind === 'left' || verdict.kind === 'failed') {
      this.#settle(member, verdict.kind, verdict.reason);
    } else if (member.state === 'told') {
      member.isHeard = verdict.kind === 'heard';
      this.#plan(member, rollout, now);
    } else this.#enqueue(member);
  }

  /** Puts it in line, if it may be told now. */
  #enqueue(member: Member): void {
    if (this.#mayBeTold(member)) this.#line.add(member);
  }

  #mayBeTold(member: Member): boolean {
    const isDue = member.state === 'waiting' || (member.state === 'told' && !member.isHeard);
    const isOpen = this.#rollout?.state === 'running' && this.#members.isOpen(member);
    return isDue && isOpen && this.#present.has(member.router);
  }

  #tell(member: Member, now: Instant): void {
    const rollout = this.#rollout;
    // Much may have happened since it was put in line.
    if (rollout === undefined || !this.#mayBeTold(member)) return;
    if (member.state === 'waiting') {
      member.toldAtUtcMs = this.#utc(now);
      member.before = member.reportedAt;
      this.#members.enter(member, 'told', '');
      this.#touched.add(member);
    }
    const { id, version, url } = rollout;
    const { router } = member;
    const envelope = {
      type: 'upgrade',
      id: orderId(id, router),
      source: router,
      peer: '',
      kind: '',
    } as const;
    this.#actions.push({ kind: 'send', router, message: { ...envelope, version, url } });
    this.#plan(member, rollout, now);
  }

  /** When a router that was told is told again, or is silent for too long. */
  #plan(member: Member, { stageSeconds }: StoredRollout, now: Instant): void {
    const silentAt = this.#silentAt(member, stageSeconds, now);
    const repeatAt = member.isHeard ? Infinity : now + repeatMs;
    this.#due.set(member, Math.min(silentAt, repeatAt));
  }

  #silentAt(member: Member, stageSeconds: number, now: Instant): Instant {
    const sinceMs = Math.max(0, this.#utc(now) - member.toldAtUtcMs);
    return now + Math.max(0, stageSeconds * 1000 - sinceMs);
  }

  #memberDue(member: Member, now: Instant): void {
    const rollout = this.#rollout;
    if (rollout === undefined || member.state !== 'told') return;
    if (this.#silentAt(member, rollout.stageSeconds, now) <= now) {
      const how =
        member.progress === '' ? (member.isHeard ? 'heard it' : 'never answered') : `was ${member.progress}`;
      const reason = `silent: told ${rollout.stageSeconds} s ago, ${how}, and has not confirmed`;
      this.#settle(member, 'failed', reason);
      return;
    }
    this.#plan(member, rollout, now);
    this.#enqueue(member);
  }

  #settle(member: Member, state: Extract<MemberState, 'done' | 'failed' | 'left'>, reason: string): void {
    if (member.state === state) return;
    const { router } = member;
    this.#members.enter(member, state, reason);
    this.#touched.add(member);
    this.#due.set(member, undefined);
    if (state === 'failed') this.#say('warn', `router ${router} failed: ${reason}`);
    const rollout = this.#rollout;
    const { failed } = this.#members.counts;
    if (rollout?.state === 'running' && failed >= rollout.maxFailures && state === 'failed')
      this.#enter(
        'stopped',
        `${failed} of at most ${rollout.maxFailures} routers failed: ${this.#failures()}`,
      );
  }

  #failures(): string {
    const failed = this.#members.all().filter(({ state }) => state === 'failed');
    const named = failed.slice(0, namedFailures).map(({ router, reason }) => `${router} (${reason})`);
    return (
      named.join(', ') + (failed.length > namedFailures ? `, and ${failed.length - namedFailures} more` : '')
    );
  }

  /** Opens the next stages as long as the one before is through. */
  #advance(now: Instant): void {
    for (;;) {
      const rollout = this.#rollout;
      if (rollout?.state !== 'running') return;
      const isTimeOver = this.#stageEndsAt !== undefined && now >= this.#stageEndsAt;
      const decision = stageDecision(rollout, this.#members, isTimeOver);
      switch (decision.kind) {
        case 'wait':
          return;
        case 'linger':
          this.#stageEndsAt = undefined;
          return;
        case 'done':
          this.#enter('done', '');
          return;
        case 'stop':
          this.#enter('stopped', decision.reason);
          return;
        case 'next':
          this.#change({ stage: rollout.stage + 1, isExcused: false });
          this.#openStage();
          this.#beginStage(now);
      }
    }
  }

  #open(rollout: StoredRollout): void {
    this.#ends = stageEnds(rollout.stages, this.#members.size);
    this.#openStage();
  }

  #openStage(): void {
    const stage = this.#rollout?.stage ?? 0;
    this.#members.openStage(this.#ends[stage - 1] ?? 0, this.#ends[stage] ?? 0);
  }

  /** The open stage has its whole time, and whoever of it is there is told. */
  #beginStage(now: Instant): void {
    const rollout = this.#rollout;
    if (rollout?.state !== 'running') return;
    this.#stageEndsAt = now + rollout.stageSeconds * 1000;
    this.#change({ stageEndsAtUtcMs: this.#utc(this.#stageEndsAt) });
    const percent = rollout.stages[rollout.stage];
    this.#say('info', `of ${rollout.version}: stage of ${percent} %, ${this.#members.open} routers`);
    for (const member of this.#members.all().slice(0, this.#members.open)) this.#enqueue(member);
  }

  #expect(...states: readonly RolloutState[]): StoredRollout {
    const rollout = this.#rollout;
    if (rollout === undefined) throw new HostError('USAGE', 'there is no roll-out');
    if (states.includes(rollout.state)) return rollout;
    throw new HostError(
      'USAGE',
      `the roll-out of ${rollout.version} is ${rollout.state}, not ${states.join(' or ')}`,
    );
  }

  #enter(state: RolloutState, reason: string): void {
    this.#change({ state, reason });
    if (state === 'stopped') this.#say('warn', `of ${this.#rollout?.version} stopped: ${reason}`);
    else this.#say('info', `of ${this.#rollout?.version} is ${state}`);
  }

  #change(change: Partial<StoredRollout>): void {
    if (this.#rollout === undefined) return;
    this.#rollout = { ...this.#rollout, ...change };
    this.#isChanged = true;
  }

  #say(level: 'info' | 'warn', detail: string): void {
    this.#actions.push({ kind: 'log', level, what: 'rollout', detail });
  }

  #utc(now: Instant): number {
    return Math.round(this.#options.utcMsAt(now));
  }

  /** What is stored stands before what depends on it. */
  #drain(isNew = false): RolloutAction[] {
    const actions = this.#actions;
    this.#actions = [];
    const rollout = this.#rollout;
    if (rollout === undefined || (this.#touched.size === 0 && !this.#isChanged && !isNew)) return actions;
    const members = [...this.#touched].map(storedMember);
    this.#touched = new Set();
    this.#isChanged = false;
    return [{ kind: 'rollout', change: { rollout, members, isNew } }, ...actions];
  }
}

function isFinal({ state }: Member): boolean {
  return state === 'done' || state === 'failed' || state === 'left';
}
