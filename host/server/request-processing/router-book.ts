/**
 * What the server knows of each router that has a channel or had one: where it is seen, its boot numbers, the proposals
 * of its firmware, and how many new entries it may still cause. It decides nothing about SAs.
 */
import { echoPeerName } from '../../messages/echo-peer.ts';
import type { MessageId } from '../../messages/message.ts';
import type { Endpoint } from '../../model/address.ts';
import type { Instant } from '../../model/instant.ts';
import type { VersionUpStanding } from '../../model/version-up.ts';
import type { Entry, Half } from '../management-table/management-table.ts';
import type { StoredRouter } from './events.ts';
import type { ProcessingSettings } from './settings.ts';
import type { Timer } from './timer.ts';

/** Earlier boot numbers remembered, so that a late hello of an earlier process is not taken for a new one. */
export const rememberedBoots = 8;

/** Halves that one router was told to delete in one message. */
export interface Withdrawal {
  readonly id: MessageId;
  readonly router: string;
  readonly halves: readonly { readonly entry: Entry; readonly half: Half }[];
  tries: number;
  /** Sends it again; not queued while it waits for the router to come back. */
  readonly timer: Timer;
}

export interface ChannelLoss {
  readonly at: Instant;
  readonly reason: string;
}

/** What people see of a router that has a channel, or had one. */
export interface RouterStanding {
  readonly name: string;
  readonly software: string;
  readonly versionUp: VersionUpStanding | null;
  /** Where it was last seen. */
  readonly endpoint: Endpoint | undefined;
  readonly loss: ChannelLoss | undefined;
}

export interface RouterRecord {
  readonly name: string;
  /** Last place seen; kept when the channel goes down. */
  endpoint: Endpoint | undefined;
  behindNat: boolean;
  hasChannel: boolean;
  /** Set while it has no channel and had one before. */
  loss: ChannelLoss | undefined;
  /** Channels so far; rises with each. */
  channelEpoch: number;
  /** The current one last. */
  boots: readonly MessageId[];
  /** Undefined until the first hello. */
  proposals: ReadonlySet<string> | undefined;
  software: string;
  /** As it last reported it; null before. */
  versionUp: VersionUpStanding | null;
  /** New entries that it may cause now, and when that was counted. */
  allowance: number;
  allowanceAt: Instant;
  /** When its last self-test began. */
  selfTestAt: Instant | undefined;
  /** Tells peers once more where it moved to. */
  notice: Timer | undefined;
  /** What it is still to confirm. */
  readonly withdrawals: Set<Withdrawal>;
}

export class RouterBook {
  readonly #records = new Map<string, RouterRecord>();
  readonly #settings: ProcessingSettings;

  constructor(settings: ProcessingSettings) {
    this.#settings = settings;
  }

  find(name: string): RouterRecord | undefined {
    return this.#records.get(name);
  }

  /** The record of the router, made when there is none. Only for names that the channel authenticated. */
  open(name: string): RouterRecord {
    const known = this.#records.get(name);
    if (known !== undefined) return known;
    const record: RouterRecord = {
      name,
      endpoint: undefined,
      behindNat: false,
      hasChannel: false,
      loss: undefined,
      channelEpoch: 0,
      boots: [],
      proposals: undefined,
      software: '',
      versionUp: null,
      allowance: this.#settings.newEntriesBurst,
      allowanceAt: 0,
      selfTestAt: undefined,
      notice: undefined,
      withdrawals: new Set(),
    };
    this.#records.set(name, record);
    return record;
  }

  /** All but the echo peer, which is this server's own. */
  standings(): RouterStanding[] {
    return [...this.#records.values()].filter(({ name }) => name !== echoPeerName).map(standingOf);
  }

  standing(name: string): RouterStanding | undefined {
    const record = this.#records.get(name);
    return record && standingOf(record);
  }

  restore(stored: StoredRouter): void {
    const record = this.open(stored.name);
    record.boots = stored.boots;
    record.software = stored.software;
    record.versionUp = stored.versionUp;
    record.endpoint = stored.endpoint ?? undefined;
    record.proposals = stored.boots.length === 0 ? undefined : new Set(stored.proposals);
  }

  /** The server was restarted `now`: whoever had a channel before has lost it by that. */
  loseRestored(now: Instant): void {
    for (const record of this.#records.values()) {
      if (record.endpoint === undefined || record.hasChannel) continue;
      record.loss = { at: now, reason: 'the setting server was restarted' };
    }
  }

  hasChannel(name: string): boolean {
    return this.#records.get(name)?.hasChannel ?? false;
  }

  /** False when the router's firmware or the operator rules the proposal out; true while that is not known. */
  hasProposal(name: string, keyword: string): boolean {
    return this.#records.get(name)?.proposals?.has(keyword) ?? true;
  }

  /** Takes one new entry out of the router's allowance; false when there is none left (token bucket). */
  spend(record: RouterRecord, now: Instant): boolean {
    const refill = ((now - record.allowanceAt) / 1000) * this.#settings.newEntriesPerSecond;
    record.allowance = Math.min(this.#settings.newEntriesBurst, record.allowance + Math.max(0, refill));
    record.allowanceAt = now;
    if (record.allowance < 1) return false;
    record.allowance -= 1;
    return true;
  }
}

function standingOf({ name, software, versionUp, endpoint, loss }: RouterRecord): RouterStanding {
  return { name, software, versionUp, endpoint, loss };
}

export function storedRouter(record: RouterRecord): StoredRouter {
  return {
    name: record.name,
    boots: record.boots,
    proposals: [...(record.proposals ?? [])],
    software: record.software,
    versionUp: record.versionUp,
    endpoint: record.endpoint ?? null,
  };
}
