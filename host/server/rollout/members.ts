/** The routers of a roll-out and how many of them are how far, counted as they change: no question costs more as the fleet grows. */
import { type MemberState, memberStates, type StoredMember } from './stored.ts';

export interface Member {
  readonly router: string;
  readonly place: number;
  state: MemberState;
  reason: string;
  toldAtUtcMs: number;
  before: number;
  /** It has heard the order, by what it reported to this process of the server. */
  isHeard: boolean;
  /** Instant of the version-up that it last reported. */
  reportedAt: number;
  /** What it last reported of the version on its way: for people. */
  progress: string;
  /** It stands in line to be told. */
  isQueued: boolean;
}

export type MemberCounts = Record<MemberState, number>;

export class Members {
  readonly #ordered: readonly Member[];
  readonly #byName: ReadonlyMap<string, Member>;
  readonly counts: MemberCounts = { waiting: 0, told: 0, done: 0, failed: 0, left: 0 };
  /** The same within the range of the open stage. */
  readonly ofStage: MemberCounts = { waiting: 0, told: 0, done: 0, failed: 0, left: 0 };
  #from = 0;
  #to = 0;
  /** Waiting in stages to come. */
  #waitingBehind = 0;

  constructor(stored: readonly StoredMember[]) {
    this.#ordered = stored
      .map((member) => ({ ...member, isHeard: false, reportedAt: 0, progress: '', isQueued: false }))
      .sort((a, b) => a.place - b.place);
    this.#byName = new Map(this.#ordered.map((member) => [member.router, member]));
    for (const { state } of this.#ordered) this.counts[state] += 1;
  }

  get size(): number {
    return this.#ordered.length;
  }

  /** How many places are open: whoever is behind must not be touched. */
  get open(): number {
    return this.#to;
  }

  /** Waiting in stages that are open. */
  get waitingOpen(): number {
    return this.counts.waiting - this.#waitingBehind;
  }

  get stageSize(): number {
    return this.#to - this.#from;
  }

  find(router: string): Member | undefined {
    return this.#byName.get(router);
  }

  all(): readonly Member[] {
    return this.#ordered;
  }

  /** Opens places `from` to `to - 1` as the stage that counts. */
  openStage(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
    for (const state of memberStates) this.ofStage[state] = 0;
    for (const { state } of this.#ordered.slice(from, to)) this.ofStage[state] += 1;
    this.#waitingBehind = this.#ordered.slice(to).filter(({ state }) => state === 'waiting').length;
  }

  isOpen(member: Member): boolean {
    return member.place < this.#to;
  }

  enter(member: Member, state: MemberState, reason: string): void {
    const isOfStage = member.place >= this.#from && member.place < this.#to;
    if (member.place >= this.#to && member.state === 'waiting') this.#waitingBehind -= 1;
    this.counts[member.state] -= 1;
    this.counts[state] += 1;
    if (isOfStage) {
      this.ofStage[member.state] -= 1;
      this.ofStage[state] += 1;
    }
    member.state = state;
    member.reason = reason;
  }
}

export function storedMember({ router, place, state, reason, toldAtUtcMs, before }: Member): StoredMember {
  return { router, place, state, reason, toldAtUtcMs, before };
}
