/**
 * Two ends that talk: what the steps of a combination do to them and ask of them. Whatever an end does not do in time is a
 * Disagreement, which says what was waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { renew } from '../../lab/control.ts';
import { nodeCommand } from '../../lab/processes.ts';
import type { ServerAnswers } from '../programs/ask-server.ts';
import type { Arena } from './arena/arena.ts';
import type { Charon } from './arena/charon.ts';
import type { Ends, Stage } from './arena/ends.ts';
import {
  entryName,
  networks,
  OurRouter,
  type OurServer,
  ownHost,
  peerHost,
  peerName,
  routerName,
  serverName,
} from './arena/our-end.ts';
import type { StrongswanChildSa, StrongswanIkeSa } from './arena/sa-listing.ts';
import { type Combination, Disagreement } from './matrix/combination.ts';

/** Long, for a machine that is busy with other things: what comes at all comes in a second. */
const waitMs = 60_000;
const pollMs = 50;
const askWithinMs = 20_000;

/** What the server has to say to hello, to a request for a router that is not there yet, and to one for a stranger. */
const expectedAnswers = 'welcome, pending, no-corresponding-entry';

/** One IKE SA of strongSwan with one CHILD SA, both in use. */
export interface Sas {
  readonly ike: StrongswanIkeSa;
  readonly child: StrongswanChildSa;
}

export class Conversation {
  readonly combination: Combination;
  readonly arena: Arena;
  readonly ends: Ends;
  readonly #stage: Stage;

  constructor(combination: Combination, arena: Arena, ends: Ends, stage: Stage) {
    this.combination = combination;
    this.arena = arena;
    this.ends = ends;
    this.#stage = stage;
  }

  get charon(): Charon {
    return this.ends.charon;
  }

  get ours(): OurServer | OurRouter {
    return this.ends.ours;
  }

  /** Returns what `look` finds as soon as it finds something. @throws Disagreement when that takes too long */
  async waitFor<T>(what: string, look: () => Promise<T | undefined>, withinMs = waitMs): Promise<T> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      await this.ours.refuseAfterEnd();
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Disagreement(`${what}: not after ${withinMs / 1000} s`);
      await sleep(pollMs);
    }
  }

  /** Runs a program in strongSwan's namespace, or ours, to its end, and returns what it printed. */
  run(namespace: string, what: string, command: readonly string[], failing = false): Promise<string> {
    const { processes, arena } = this.#stage;
    return processes.run(namespace, `${arena}/${what}`, command, failing);
  }

  /** Waits until strongSwan has logged `pattern` so many times more than before. */
  async untilLogged(pattern: RegExp, more: number, withinMs: number): Promise<void> {
    const count = () => this.charon.log.match(new RegExp(pattern, 'g'))?.length ?? 0;
    const wanted = count() + more;
    await this.waitFor(
      `strongSwan logs ${more} times more ${pattern}`,
      async () => orUndefined(count() >= wanted),
      withinMs,
    );
  }

  async untilOursAnswers(): Promise<void> {
    await this.waitFor(`our ${this.ours.what} answers its control socket`, async () =>
      orUndefined(await this.ours.answers()),
    );
  }

  /** Lets the initiator set the channel up, and waits until our end says that it is. Our router calls by itself. */
  async setUp(): Promise<void> {
    if (this.combination.role === 'initiator') {
      const outcome = await this.charon.initiate();
      if (!outcome.ok) throw new Disagreement(`strongSwan cannot set the channel up:\n${outcome.text}`);
    }
    await this.waitFor(`our ${this.ours.what} says that the channel is up`, async () =>
      orUndefined(await this.ours.isUp()),
    );
  }

  async untilDownHere(): Promise<void> {
    await this.waitFor(`our ${this.ours.what} says that the channel is down`, async () =>
      orUndefined(!(await this.ours.isUp())),
    );
  }

  /** Waits until strongSwan has one IKE SA with one CHILD SA, both in use, that are as `isWanted` wants them. */
  theSas(
    what = 'strongSwan has one IKE SA and one CHILD SA',
    isWanted: (sas: Sas) => boolean = () => true,
    withinMs = waitMs,
  ): Promise<Sas> {
    return this.waitFor(
      what,
      async () => {
        // Half-open ones are nobody's yet.
        const [ike, ...others] = (await this.charon.ikeSas()).filter(({ state }) => state !== 'CONNECTING');
        const [child, ...more] = ike?.children ?? [];
        if (ike?.state !== 'ESTABLISHED' || others.length > 0) return undefined;
        if (child?.state !== 'INSTALLED' || more.length > 0) return undefined;
        return isWanted({ ike, child }) ? { ike, child } : undefined;
      },
      withinMs,
    );
  }

  /**
   * Lets setting messages run over the channel, both ways, and sees in strongSwan's counters that they did.
   *
   * @throws Disagreement
   */
  async exchangeSettings(): Promise<void> {
    const before = await this.theSas();
    if (this.ours instanceof OurRouter) await this.#beAsked(this.ours);
    else await this.#askServer();
    const { child } = await this.theSas();
    // Rekeyed meanwhile: this one may be younger than the messages.
    if (child.uniqueid !== before.child.uniqueid) {
      await this.exchangeSettings();
      return;
    }
    if (child['packets-in'] === 0 || child['packets-out'] === 0) {
      throw new Disagreement(
        `setting messages ran, but strongSwan counts ${child['packets-in']} packets in and ${child['packets-out']} out`,
      );
    }
  }

  async #askServer(): Promise<void> {
    const names = [routerName, peerName, serverName, networks[routerName], networks[peerName]];
    const program = ['tools/interop/programs/ask-server.ts', ...names, String(askWithinMs)];
    const text = await this.run(this.arena.strongswan, 'ask-server', [nodeCommand, ...program]);
    const { answers }: ServerAnswers = JSON.parse(text);
    const found = answers.join(', ');
    if (found !== expectedAnswers) {
      throw new Disagreement(`the server answered ${found}; expected ${expectedAnswers}`);
    }
  }

  /** The first time a packet makes the router ask; after that it is told to renew. */
  async #beAsked(router: OurRouter): Promise<void> {
    const served = async () => {
      const { entries, messages } = await router.status();
      return entries[0]?.state === 'ready' ? Number(messages['both-installed received'] ?? 0) : 0;
    };
    const before = await served();
    if (before === 0) {
      // Nobody answers it: the peer of the SAs is nowhere. It ends after its own limit.
      const ping = ['ping', '-I', ownHost, '-c', '1', '-W', '1', peerHost];
      await this.run(this.arena.sekisho, 'ping', ping, true);
    } else {
      await renew(router.socket, entryName);
    }
    await this.waitFor('the router says that it is served', async () =>
      orUndefined((await served()) > before),
    );
  }
}

/** What `waitFor` wants to be told. */
export function orUndefined(isSo: boolean): true | undefined {
  return isSo ? true : undefined;
}
