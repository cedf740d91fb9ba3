/**
 * What a router and its server say of the router's version, as a pure machine: the standing goes out after each welcome and
 * whenever it changes, until the server has noted it; an `upgrade` of the server becomes one order to the host, however
 * often it arrives. What is installed is decided elsewhere, by signed metadata.
 */
import type { MessageId, Upgrade, UpgradeNoted, UpgradeReport } from '../messages/message.ts';
import type { Instant } from '../model/instant.ts';
import type { VersionUpStanding } from '../model/version-up.ts';

export interface VersionUpExchangeOptions {
  readonly name: string;
  /** The version that runs. */
  readonly software: string;
  readonly random: (octets: number) => Uint8Array;
}

export type VersionUpAction =
  | { readonly kind: 'send'; readonly message: UpgradeReport }
  /** Fetch this version and put it on trial. */
  | { readonly kind: 'upgrade'; readonly version: string; readonly url: string };

/** A server of the version before this one never notes a report: after so many it is left alone until the next channel. */
const reportTries = 6;
const firstRepeatMs = 1000;

export class VersionUpExchange {
  readonly #options: VersionUpExchangeOptions;
  #standing: VersionUpStanding;
  #isWelcome = false;
  #report: UpgradeReport | undefined;
  #tries = 0;
  #repeatAt: Instant | undefined;
  #orderId: MessageId | null = null;

  constructor(options: VersionUpExchangeOptions, standing: VersionUpStanding) {
    this.#options = options;
    this.#standing = standing;
  }

  nextDeadline(): Instant | undefined {
    return this.#repeatAt;
  }

  /** The server has said welcome on a new channel. */
  welcome(now: Instant): VersionUpAction[] {
    this.#isWelcome = true;
    return this.#begin(now);
  }

  /** The channel is gone. */
  stop(): void {
    this.#isWelcome = false;
    this.#end();
  }

  /** The board's record says something else now. */
  changed(standing: VersionUpStanding, now: Instant): VersionUpAction[] {
    this.#standing = standing;
    return this.#begin(now);
  }

  /** The server wants another version here. Answered in any case, so that it need not ask again. */
  order(message: Upgrade, now: Instant): VersionUpAction[] {
    const { id, version, url } = message;
    const { stage } = this.#standing;
    const isUnderWay = this.#standing.version === version && (stage === 'writing' || stage === 'trial');
    const isNew = id !== this.#orderId && version !== this.#options.software && !isUnderWay;
    this.#orderId = id;
    return [...(isNew ? [{ kind: 'upgrade' as const, version, url }] : []), ...this.#begin(now)];
  }

  /** The server has the report. */
  noted({ id }: UpgradeNoted): void {
    if (id === this.#report?.id) this.#end();
  }

  deadline(now: Instant): VersionUpAction[] {
    if (this.#repeatAt === undefined || now < this.#repeatAt) return [];
    return this.#send(now);
  }

  #begin(now: Instant): VersionUpAction[] {
    if (!this.#isWelcome) return [];
    const { name, random } = this.#options;
    const id = Buffer.from(random(8)).toString('hex');
    const envelope = { type: 'upgrade-report', id, source: name, peer: '', kind: '' } as const;
    this.#report = { ...envelope, ...this.#standing, orderId: this.#orderId };
    this.#tries = 0;
    return this.#send(now);
  }

  #send(now: Instant): VersionUpAction[] {
    if (this.#report === undefined) return [];
    this.#repeatAt = this.#tries + 1 < reportTries ? now + firstRepeatMs * 2 ** this.#tries : undefined;
    this.#tries += 1;
    return [{ kind: 'send', message: this.#report }];
  }

  #end(): void {
    this.#report = undefined;
    this.#repeatAt = undefined;
  }
}
