/**
 * A fleet in virtual time around the shipped roll-out machine and the routers' shipped exchange: messages are lost and late,
 * routers are away, come back, revert, refuse or say nothing, and the server is killed and starts again from its store.
 * Checks, at each message, what must never happen.
 */
import type { Upgrade, UpgradeReport } from '../../../host/messages/message.ts';
import { noVersionUp, type VersionUpStanding } from '../../../host/model/version-up.ts';
import { type VersionUpAction, VersionUpExchange } from '../../../host/router/version-up-exchange.ts';
import type { KnownRouter, RolloutPlan } from '../../../host/server/rollout/plan.ts';
import { rolloutOrder, stageEnds } from '../../../host/server/rollout/plan.ts';
import { Rollout, type RolloutAction } from '../../../host/server/rollout/rollout.ts';
import type { StoredMember, StoredRollout } from '../../../host/server/rollout/stored.ts';
import { Agenda } from '../agenda.ts';
import { Prng } from '../prng.ts';

export type Behaviour = 'good' | 'reverts' | 'refuses' | 'silent' | 'no board' | 'old';

const utcOffsetMs = 1_700_000_000_000;

export class FleetRouter {
  readonly name: string;
  readonly behaviour: Behaviour;
  software: string;
  standing: VersionUpStanding;
  isOnline = false;
  exchange: VersionUpExchange;
  /** Orders that its processes carried out. */
  upgrades = 0;
  /** This process has told the server that it heard the order. */
  hasShownIt = false;
  life = 0;

  constructor(name: string, behaviour: Behaviour, software: string) {
    this.name = name;
    this.behaviour = behaviour;
    this.software = software;
    this.standing =
      behaviour === 'no board' ? noVersionUp : { ...noVersionUp, board: 'qemu-x86_64', slot: 'a' };
    this.exchange = this.#start();
  }

  restart(): void {
    this.life += 1;
    this.hasShownIt = false;
    this.exchange = this.#start();
  }

  #start(): VersionUpExchange {
    let count = this.life * 1000;
    const random = (octets: number) => {
      const bytes = new Uint8Array(octets);
      new DataView(bytes.buffer).setUint32(0, ++count);
      return bytes;
    };
    return new VersionUpExchange({ name: this.name, software: this.software, random }, this.standing);
  }
}

export class Fleet {
  readonly routers = new Map<string, FleetRouter>();
  readonly prng: Prng;
  readonly agenda = new Agenda(1000);
  readonly plan: RolloutPlan;
  lossPercent = 0;
  /** Of the server's dying before an action. */
  killChance = 0;
  rollout: Rollout;
  /** Who was ever sent an order. */
  readonly touched = new Set<string>();
  readonly sentTo: string[] = [];
  readonly broken: string[] = [];
  #stored: { rollout: StoredRollout; members: Map<string, StoredMember> } | undefined;
  #order: readonly string[] = [];

  constructor(seed: number, routers: readonly FleetRouter[], plan: RolloutPlan) {
    this.prng = new Prng(seed);
    for (const router of routers) this.routers.set(router.name, router);
    this.plan = plan;
    this.rollout = this.#make();
  }

  get now(): number {
    return this.agenda.now;
  }

  get state(): StoredRollout['state'] | undefined {
    return this.#stored?.rollout.state;
  }

  start(): void {
    const names = this.plan.routers ?? [...this.routers.keys()];
    this.#order = rolloutOrder(this.plan.version, names);
    for (const router of this.routers.values()) if (router.isOnline) this.#welcome(router);
    this.pass(200);
    const known: KnownRouter[] = [...this.routers.values()].map(({ name, software, standing }) => ({
      name,
      software,
      standing,
    }));
    this.do(() => this.rollout.start(this.plan, known, this.now));
  }

  /** The server dies, between two actions or at any other moment, and starts again from its store. */
  restartServer(): void {
    this.rollout = this.#make();
    // Channels come back one after the other.
    for (const router of this.routers.values()) {
      if (!router.isOnline) continue;
      this.#disconnect(router);
      this.agenda.at(this.now + this.prng.between(10, 3000), () => this.connect(router));
    }
  }

  connect(router: FleetRouter): void {
    if (router.isOnline) return;
    router.isOnline = true;
    this.#welcome(router);
  }

  disconnect(router: FleetRouter): void {
    this.#disconnect(router);
    this.rollout.gone(router.name);
  }

  /** Runs the machine, kills it in the middle of its actions now and then, and looks after what it wants next. */
  do(step: () => readonly RolloutAction[]): void {
    const machine = this.rollout;
    for (const action of step()) {
      if (this.prng.chance(this.killChance)) this.restartServer();
      if (this.rollout !== machine) return;
      this.#carryOut(action);
    }
    if (this.rollout === machine) this.#planDeadline(machine);
  }

  pass(ms: number): void {
    const until = this.now + ms;
    for (let steps = 0; this.agenda.step(until); steps++)
      if (steps > 500_000) throw new Error('the fleet never comes to rest');
  }

  #make(): Rollout {
    const stored = this.#stored && {
      rollout: structuredClone(this.#stored.rollout),
      members: [...structuredClone(this.#stored.members).values()],
    };
    const machine = new Rollout({
      random: (octets) => this.prng.octets(octets),
      utcMsAt: (instant) => instant + utcOffsetMs,
      stored,
    });
    this.agenda.at(this.now, () => this.#planDeadline(machine));
    return machine;
  }

  #planDeadline(machine: Rollout): void {
    const next = machine.nextDeadline();
    if (next === undefined) return;
    this.agenda.at(Math.max(next, this.now), () => {
      const due = machine.nextDeadline();
      if (this.rollout !== machine || due === undefined || due > this.now) return;
      this.do(() => machine.deadline(this.now));
    });
  }

  #carryOut(action: RolloutAction): void {
    if (action.kind === 'rollout') {
      const { rollout, members, isNew } = action.change;
      if (isNew || this.#stored === undefined) this.#stored = { rollout, members: new Map() };
      this.#stored = { ...this.#stored, rollout };
      for (const member of members) this.#stored.members.set(member.router, member);
    } else if (action.kind === 'send') {
      this.#checkOrder(action.message);
      this.#travel(() => this.#deliver(action.message));
    }
  }

  #checkOrder(message: Upgrade): void {
    const stored = this.#stored;
    const { source } = message;
    this.touched.add(source);
    this.sentTo.push(source);
    const stage = stored?.rollout.stage ?? 0;
    const open = stageEnds(this.plan.stages, this.#order.length)[stage] ?? 0;
    if (stored?.rollout.state !== 'running')
      this.broken.push(`${source} told while ${stored?.rollout.state}`);
    if (!this.#order.slice(0, open).includes(source)) this.broken.push(`${source} told before its stage`);
    if (this.touched.size > open) this.broken.push(`${this.touched.size} touched, ${open} allowed`);
    if (stored?.members.get(source)?.state !== 'told') this.broken.push(`${source} told and not stored`);
    const failed = [...(stored?.members.values() ?? [])].filter(({ state }) => state === 'failed').length;
    if (failed >= (stored?.rollout.maxFailures ?? 0))
      this.broken.push(`${source} told after ${failed} failures`);
    if (this.routers.get(source)?.hasShownIt) this.broken.push(`${source} told again to no purpose`);
  }

  /** Or is lost, or arrives twice. */
  #travel(arrive: () => void): void {
    const fate = this.prng.below(100);
    if (fate < this.lossPercent) return;
    this.agenda.at(this.now + this.prng.between(1, 50), arrive);
    if (fate < this.lossPercent * 1.5) this.agenda.at(this.now + this.prng.between(1, 50), arrive);
  }

  #deliver(message: Upgrade): void {
    const router = this.routers.get(message.source);
    if (router === undefined || !router.isOnline || router.behaviour === 'old') return;
    this.#router(router, router.exchange.order(message, this.now));
  }

  #welcome(router: FleetRouter): void {
    if (router.behaviour === 'old') return;
    this.#router(router, router.exchange.welcome(this.now));
  }

  #disconnect(router: FleetRouter): void {
    router.isOnline = false;
    router.exchange.stop();
  }

  #router(router: FleetRouter, actions: readonly VersionUpAction[]): void {
    for (const action of actions) {
      if (action.kind === 'upgrade') this.#upgrade(router, action.version);
      else this.#reportFrom(router, action.message);
    }
    const { exchange } = router;
    const next = exchange.nextDeadline();
    if (next === undefined) return;
    this.agenda.at(next, () => {
      if (router.exchange === exchange) this.#router(router, exchange.deadline(this.now));
    });
  }

  #reportFrom(router: FleetRouter, message: UpgradeReport): void {
    const { life } = router;
    this.#travel(() => {
      if (!router.isOnline) return;
      if (router.life === life) this.#noteShown(router, message);
      this.do(() => this.rollout.report(router.name, router.software, message, this.now));
      const noted = {
        type: 'upgrade-noted',
        id: message.id,
        source: router.name,
        peer: '',
        kind: '',
      } as const;
      this.#travel(() => router.exchange.noted(noted));
    });
  }

  #noteShown(router: FleetRouter, { orderId, version, stage }: UpgradeReport): void {
    const isOurs = version === this.plan.version && stage !== 'none';
    if (orderId !== null || isOurs) router.hasShownIt = true;
  }

  /** What a board does: fetch, restart on trial, confirm or go back. */
  #upgrade(router: FleetRouter, version: string): void {
    router.upgrades += 1;
    if (router.behaviour === 'silent' || router.behaviour === 'no board') return;
    const become = (stage: VersionUpStanding['stage'], reason = ''): void => {
      router.standing = { ...router.standing, version, stage, reason, at: this.now };
      this.#router(router, router.exchange.changed(router.standing, this.now));
    };
    const later = (ms: number, step: () => void) =>
      this.agenda.at(this.now + this.prng.between(ms, 2 * ms), step);
    later(100, () => {
      if (router.behaviour === 'refuses') {
        become('refused', 'the signature is wrong');
        return;
      }
      become('writing');
      later(5000, () => {
        const old = router.software;
        this.disconnect(router);
        router.software = version;
        router.standing = { ...router.standing, slot: 'b', stage: 'trial', at: this.now };
        router.restart();
        later(3000, () => this.connect(router));
        later(10_000, () => {
          if (router.behaviour === 'good') {
            become('confirmed');
            return;
          }
          this.disconnect(router);
          router.software = old;
          router.standing = {
            ...router.standing,
            slot: 'a',
            stage: 'reverted',
            reason: 'no channel',
            at: this.now,
          };
          router.restart();
          later(3000, () => this.connect(router));
        });
      });
    });
  }
}
