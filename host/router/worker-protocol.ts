/**
 * What crosses between a router's main thread, in which everything is that a person waits for, and its worker (the first one, where there
 * are several), in which everything is that a packet may have to wait for. No key ever crosses.
 */
import type { MessagePort } from 'node:worker_threads';
import type { EngineSnapshot } from '../dataplane/snapshot.ts';
import type { KeyStorePlace } from '../flash/key-store.ts';
import type { Address, Endpoint } from '../model/address.ts';
import type { LoggedEvent } from '../model/event-log.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { RekeyWhat } from '../model/rekey-order.ts';
import type { RouterStatus } from '../model/status.ts';
import type { VersionUpStanding } from '../model/version-up.ts';
import type { LogLine } from './log-lines.ts';
import type { SelfTestResult } from './self-test.ts';
import type { RouterSettings } from './settings-file.ts';

/** Where a router's settings are when they are not in a file. */
export interface FlashPlace {
  /** Partition or file. */
  readonly device: string;
  /** What its credentials may be sealed with; absent where the board has no key store. */
  readonly keyStore?: KeyStorePlace;
  readonly revision: number;
}

/** What the worker is started with. */
export interface WorkerSettings {
  readonly settings: RouterSettings;
  readonly software: string;
  /** What became of the last version-up; absent on a machine without slots. */
  readonly versionUp?: VersionUpStanding;
  /** The router's start, on the boot-time clock. */
  readonly startedAt: number;
  /** Absolute path of the settings file; the files of credentials are named from its folder, and the worker reads them for itself. */
  readonly settingsFile: string;
  /** A key stands in the settings file: the worker reads that too, since `settings` come without it. */
  readonly holdsSecret: boolean;
  /** Absent where there is a settings file: the credentials are on the config flash, and the worker reads them there. */
  readonly flash?: FlashPlace;
  /** Our address on the unprotected side at the start; sockets are bound to it. */
  readonly local: Endpoint;
  /** Mark of everything that our sockets send. */
  readonly mark: number;
  /** Octets of the longest outer packet that leaves the unprotected interface in one piece. */
  readonly pathMtuOctets: number;
  /** Sources of ICMP errors, one for each family that this router has an address of. */
  readonly icmpSources: readonly Address[];
  /** A way to each worker that follows the first one; none where that is the only one. */
  readonly followers: readonly MessagePort[];
}

/** What a worker is started with that follows the first. */
export interface FollowerSettings
  extends Pick<WorkerSettings, 'settings' | 'local' | 'mark' | 'pathMtuOctets' | 'icmpSources'> {
  /** Counted from 0, which is the first. */
  readonly worker: number;
  /** To the first worker. */
  readonly port: MessagePort;
}

/** Questions of the main thread, by name: what is asked with and what is answered. */
export interface Questions {
  /** With why the settings file as it stands is not in force, or null. */
  status: { ask: string | null; answer: RouterStatus };
  spd: { ask: null; answer: EngineSnapshot['spd'] };
  sad: { ask: null; answer: EngineSnapshot['sad'] };
  events: { ask: null; answer: readonly LoggedEvent[] };
  /** With an SPD entry, or null for all; answered with how many pairs are being renewed. */
  renew: { ask: string | null; answer: number };
  /** Answered with whether there is a channel to rekey. */
  rekey: { ask: RekeyWhat; answer: boolean };
  /** Asks the server for a sign of life, and answers with the last one that there was. */
  heard: { ask: null; answer: { readonly isUp: boolean; readonly heardAt: number } };
  /** Our address is another one now: answered with why it cannot be used, or null. */
  move: { ask: Endpoint; answer: string | null };
  /** Changes nothing: why the engine has no room for the SPD, or null. */
  'spd-refusal': { ask: readonly SpdEntry[]; answer: string | null };
  /** Answered with why the engine has no room for the SPD, or null when it is in force. */
  'replace-spd': { ask: readonly SpdEntry[]; answer: string | null };
  /** With how long it may take; the answer comes when it is over, so whoever asks waits that long. */
  'self-test': { ask: number; answer: SelfTestResult };
  /** The board's record of version-ups says something else: the server is told. */
  'version-up': { ask: VersionUpStanding; answer: null };
}

export type Question = keyof Questions;

export type ToWorker =
  /** TUN and routes are there: set the channel up. */
  | { readonly kind: 'start' }
  | {
      [Name in Question]: {
        readonly kind: 'ask';
        readonly id: number;
        readonly question: Name;
        readonly ask: Questions[Name]['ask'];
      };
    }[Question]
  | { readonly kind: 'stop' };

export type FromWorker =
  /** Sockets and TUN are open; a write to the eventfd ends the worker's wait. Again after a trap, with a new TUN. */
  | { readonly kind: 'ready'; readonly wakeFd: number }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Questions[Question]['answer'] }
  /** The server wants this version here. */
  | { readonly kind: 'upgrade'; readonly version: string; readonly url: string }
  | { readonly kind: 'log'; readonly lines: readonly LogLine[] };
