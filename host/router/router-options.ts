/** What a router's control side is made of and stands on: its settings, and the ports by which it reaches its machine. */
import type { TableChange } from '../dataplane/engine.ts';
import type { SpiAllocator } from '../dataplane/spi-allocator.ts';
import type { Endpoint } from '../model/address.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Credentials } from '../model/credentials.ts';
import type { EventLog } from '../model/event-log.ts';
import type { Instant } from '../model/instant.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import type { VersionUpStanding } from '../model/version-up.ts';
import type { LoopCommand } from '../packet-loop/protocol.ts';
import type { SettingTimers } from './setting-management/timers.ts';

export interface RouterPorts {
  /** Carries a command to the packet loop; the loop wipes keys in it after use. */
  readonly post: (command: LoopCommand) => void;
  /** Why the packet loop would refuse a change of its tables now, or undefined. */
  readonly refusal: (change: TableChange) => string | undefined;
  /** The boot-time clock. */
  readonly now: () => Instant;
  /** Unpredictable octets. */
  readonly random: (octets: number) => Uint8Array;
  /** Calls `Router.deadline` at or soon after the instant; replaces what was asked before. */
  readonly wakeAt: (at: Instant | undefined) => void;
  readonly log: (level: 'info' | 'warn', what: string, detail: string) => void;
  /** The server wants this version here; absent where nobody could bring it. */
  readonly upgrade?: (version: string, url: string) => void;
}

export interface RouterOptions {
  readonly name: string;
  readonly software: string;
  /** What became of the last version-up, at the start. */
  readonly versionUp?: VersionUpStanding;
  readonly serverIdentity: string;
  readonly server: Endpoint;
  readonly local: Endpoint;
  readonly credentials: Credentials;
  /** Of the channel; the defaults of the settings file unless given. */
  readonly channel?: ChannelSettings;
  readonly learnTime?: (utcMs: UtcMs) => void;
  /** What time it is at least, by which certificates end. */
  readonly utcAtLeast: (now: Instant) => UtcMs;
  readonly entries: readonly SpdEntry[];
  readonly timers: SettingTimers;
  readonly proposals: readonly string[];
  readonly spiAllocator: SpiAllocator;
  readonly ports: RouterPorts;
  readonly events: EventLog;
}
