/**
 * What a running router or server says of itself over its control socket, as JSON: state, SPD, SAD, management table,
 * policies, events. One schema for both ends: the process builds such values, `sekisho` and the lab check and show them.
 * There are no keys in any of it, and 64-bit counts travel as decimal strings, because JSON's numbers stop at 2^53.
 */
import { z } from 'zod';
import { versionUpStages } from './version-up.ts';

/** A count as it arrives: a number, or decimal digits where it may be longer than 53 bits. */
export const countSchema = z.union([z.number().int().nonnegative(), z.string().regex(/^\d{1,20}$/)]);

const countsSchema = z.record(z.string(), countSchema);

/** A certificate that channels live by. */
const certificateSchema = z.looseObject({
  /** Router or server that it is of. */
  of: z.string(),
  /** ending: its owner should have been given another by now. */
  state: z.enum(['valid', 'ending', 'ended']),
  /** The end of the first of it and those above it, as in `2026-11-27 11:37:02 UTC`. */
  until: z.string(),
  /** Negative once it has ended. */
  remainingSeconds: z.number(),
});

const rekeyingsOfSaSchema = z.object({
  /** Since the channel was set up, by either end; both, when the two ends did it at once. */
  count: z.number(),
  /** Until this end does it again; null while that is under way or was refused. */
  nextSeconds: z.number().nullable(),
});

/** Rekeyings of a channel's two SAs. */
const rekeyingsSchema = z.object({ ikeSa: rekeyingsOfSaSchema, childSa: rekeyingsOfSaSchema });

const copySchema = z.looseObject({
  sectors: z.number(),
  usedSectors: z.number(),
  generation: z.number(),
  damagedSectors: z.number(),
  isComplete: z.boolean(),
  refusal: z.string(),
});

/** State of the config flash, as part of a router's status. */
export const flashStateSchema = z.looseObject({
  device: z.string(),
  /** Number of the revision in force, which is not the one on trial. */
  revision: z.number().nullable(),
  /** The revision that `rollback` goes back to. */
  previous: z.number().nullable(),
  trial: z.looseObject({ number: z.number(), secondsLeft: z.number(), isManual: z.boolean() }).nullable(),
  /** What became of the last revision on trial. */
  last: z
    .looseObject({ number: z.number(), decision: z.enum(['confirmed', 'reverted']), reason: z.string() })
    .nullable(),
  /** What the credentials are sealed with; null when they are plain. */
  keyStore: z.string().nullable(),
  copies: z.array(copySchema),
  problems: z.array(z.string()),
});

const boardStatusSchema = z.looseObject({
  /** The slot that runs. */
  slot: z.enum(['a', 'b']),
  version: z.string(),
  /** This version has to prove itself yet. */
  isOnTrial: z.boolean(),
  /** Null when there never was one. */
  lastVersionUp: z
    .looseObject({
      version: z.string(),
      slot: z.enum(['a', 'b']),
      stage: z.enum(versionUpStages),
      reason: z.string(),
      /** Milliseconds since 1970, by the router's clock. */
      at: z.number(),
    })
    .nullable(),
});

export const routerStatusSchema = z.looseObject({
  role: z.literal('router'),
  name: z.string(),
  software: z.string(),
  uptimeSeconds: z.number(),
  channel: z.looseObject({
    state: z.enum(['up', 'connecting', 'down']),
    /** As the settings name it. */
    server: z.string(),
    /** Address and port that the server was last seen at. */
    endpoint: z.string().nullable(),
    /** How long the channel has been in this state. */
    sinceSeconds: z.number().nullable(),
    /** Why it is not up; empty when it is. */
    detail: z.string().default(''),
    /** Algorithms that the channel has settled on; empty before its first. */
    algorithms: z.string().default(''),
    /** Null while there is no channel. */
    rekeyings: rekeyingsSchema.nullable().default(null),
  }),
  /** This router's and the server's, where they prove themselves by certificates. */
  certificates: z.array(certificateSchema).default([]),
  /** Why the settings file as it stands now is not in force; null when it is. */
  problem: z.string().nullable().default(null),
  /** The config flash; absent where the settings are from a file. */
  config: flashStateSchema.optional(),
  /** Absent on a machine without slots. */
  board: boardStatusSchema.optional(),
  entries: z.array(
    z.looseObject({
      name: z.string(),
      action: z.enum(['PROTECT', 'BYPASS', 'DISCARD']),
      /** Null where the action is not PROTECT. */
      requestPeer: z.string().nullable(),
      state: z.enum(['ready', 'requesting', 'failed', 'idle']),
      /** One of SettingFailure's words while the state is `failed`. */
      failure: z.string().nullable(),
      detail: z.string(),
    }),
  ),
  /** Where this machine's kernel lets packets travel in bundles (docs/architecture.md). */
  bundles: z
    .looseObject({
      tcpFromHosts: z.boolean(),
      udpFromHosts: z.boolean(),
      udpToHosts: z.boolean(),
      severalFromHosts: z.boolean(),
      toPeers: z.boolean(),
      fromPeers: z.boolean(),
    })
    .optional(),
  /** The same for each worker that carries packets, the first first. */
  workers: z.array(z.looseObject({ counters: countsSchema, heldPackets: z.number() })).default([]),
  /** What the engines counted in all: packets and octets by direction and verdict. */
  counters: countsSchema,
  /** Dropped packets by reason (firmware/abi/drop-reason.ts). */
  drops: countsSchema,
  /** Setting and IKE messages, sent, received and dropped by code. */
  messages: countsSchema,
});

/** Row of `/spd`: SpdRow of host/packet-loop/protocol.ts. */
export const spdRowSchema = z.looseObject({
  order: z.number(),
  entry: z.string(),
  selector: z.string(),
  action: z.enum(['PROTECT', 'BYPASS', 'DISCARD']),
  state: z.string(),
  kind: z.string(),
  spi: z.number().nullable(),
});

/** Row of `/sad`: SadRow of host/packet-loop/protocol.ts. */
export const sadRowSchema = z.looseObject({
  direction: z.enum(['outbound', 'inbound']),
  spi: z.number(),
  pair: z.number(),
  entry: z.string(),
  kind: z.string(),
  state: z.string(),
  proposal: z.string(),
  protocol: z.string(),
  mode: z.string(),
  encapsulation: z.string(),
  peer: z.string(),
  sequence: countSchema,
  packets: countSchema,
  octets: countSchema,
  remainingSeconds: z.number(),
});

/** Row of `/events`: LoggedEvent of event-log.ts, oldest first. */
export const eventRowSchema = z.looseObject({
  /** On the boot-time clock: comparable between processes of one machine. */
  atMs: z.number(),
  /** Milliseconds since 1970-01-01 UTC. */
  timeMs: z.number(),
  /** Name of the router or server. */
  where: z.string(),
  level: z.enum(['info', 'warn', 'error']),
  what: z.string(),
  detail: z.string(),
});

/** A staged roll-out (host/server/rollout). Lists hold a hundred names at most, counts are whole. */
export const rolloutSchema = z.looseObject({
  version: z.string(),
  /** Empty: where each router's settings say. */
  url: z.string(),
  state: z.enum(['running', 'paused', 'stopped', 'aborted', 'done']),
  /** Why it stopped; otherwise empty. */
  reason: z.string(),
  startedAtUtcMs: z.number(),
  maxFailures: z.number(),
  stages: z.array(
    z.looseObject({ percent: z.number(), routers: z.number(), state: z.enum(['over', 'open', 'to come']) }),
  ),
  /** Until the open stage waits no longer for routers that are away; null when it does not. */
  stageSecondsLeft: z.number().nullable(),
  routers: z.number(),
  done: z.number(),
  failed: z.number(),
  underWay: z.number(),
  /** In stages that are open, and not told since they have no channel. */
  away: z.number(),
  toCome: z.number(),
  /** Not concerned: without slots, or enrolled no more. */
  left: z.number(),
  failures: z.array(z.looseObject({ router: z.string(), reason: z.string() })),
  /** `writing`, `trial`, or empty while nothing was heard. */
  told: z.array(z.looseObject({ router: z.string(), progress: z.string() })),
  absent: z.array(z.string()),
});

export const serverStatusSchema = z.looseObject({
  role: z.literal('server'),
  name: z.string(),
  software: z.string(),
  uptimeSeconds: z.number(),
  policies: z.looseObject({
    file: z.string(),
    /** Number of distribution policies in force. */
    count: z.number(),
    loadedSecondsAgo: z.number(),
    /** Why the file as it stands now was not taken; null when what is in the file is in force. */
    problem: z.string().nullable(),
    /** What the policies in force should not have, one line each. */
    warnings: z.array(z.string()),
  }),
  routers: z.array(
    z.looseObject({
      name: z.string(),
      channel: z.enum(['up', 'down']),
      /** Where it was last seen; null before its first channel. */
      endpoint: z.string().nullable(),
      behindNat: z.boolean(),
      /** How long it has been so; null when there never was a channel. */
      sinceSeconds: z.number().nullable(),
      /** Why its channel is down, if it had one. */
      detail: z.string().default(''),
      /** Algorithms that its channel has settled on; empty while it has none. */
      algorithms: z.string().default(''),
      /** Null while there is no channel. */
      rekeyings: rekeyingsSchema.nullable().default(null),
      software: z.string(),
      /** The board and the slot that it runs from; empty where it has none, or never said. */
      board: z.string().default(''),
      slot: z.string().default(''),
      /** What became of its last version-up; null when it never said. */
      versionUp: z
        .looseObject({ version: z.string(), stage: z.enum(versionUpStages), reason: z.string() })
        .nullable()
        .default(null),
    }),
  ),
  /** The server's, and those of routers that have a channel by one. */
  certificates: z.array(certificateSchema).default([]),
  /** Pairs of routers that have SAs and hear nothing of each other, as they reported of late. */
  deadPaths: z
    .array(
      z.looseObject({
        routers: z.tuple([z.string(), z.string()]),
        detail: z.string(),
        secondsAgo: z.number(),
      }),
    )
    .default([]),
  /** The echo peer's: routers that test themselves now, SAs set up for that so far, packets answered. */
  selfTests: z
    .looseObject({ underWay: z.number(), setUps: z.number(), answered: z.number() })
    .default({ underWay: 0, setUps: 0, answered: 0 }),
  /** The last roll-out; null when there never was one. */
  rollout: rolloutSchema.nullable().default(null),
  /** Entries of the management table by state. */
  entries: countsSchema,
  drops: countsSchema,
  messages: countsSchema,
});

/** Row of `/table`, the management table: one requested or issued pair of SAs. */
export const managementRowSchema = z.looseObject({
  source: z.string(),
  peer: z.string(),
  kind: z.string(),
  state: z.string(),
  /** SPI on which the source receives; null while its half is empty. */
  sourceSpi: z.number().nullable(),
  peerSpi: z.number().nullable(),
  /** How long the channel of either has been lost; null while it is up, or never was. */
  sourceLostSeconds: z.number().nullable().default(null),
  peerLostSeconds: z.number().nullable().default(null),
  revision: z.number(),
  /** Until the hard lifetime; null before the SAs are issued. */
  remainingSeconds: z.number().nullable(),
});

/** Row of `/policies`, in the order in which they are looked up. */
export const policyRowSchema = z.looseObject({
  kind: z.string(),
  between: z.tuple([z.string(), z.string()]),
  /** One line a selector; empty for everything between the routers' networks. */
  selectors: z.array(z.string()),
  protocol: z.string(),
  mode: z.string(),
  proposal: z.string(),
  /** `legacy`, `not encrypted`. */
  warnings: z.array(z.string()),
  esn: z.boolean(),
  encapsulation: z.string(),
  lifetimeSeconds: z.number(),
  revision: z.number(),
});

/** Answer to `POST /self-test` (host/router/self-test.ts). */
export const selfTestResultSchema = z.looseObject({
  ok: z.boolean(),
  milliseconds: z.number(),
  legs: z.looseObject({
    channelMs: z.number().nullable(),
    keysMs: z.number().nullable(),
    echoMs: z.number().nullable(),
  }),
  reason: z.string().optional(),
});

/** Answer to `GET /rollout` and `POST /rollout`. */
export const rolloutAnswerSchema = z.object({ rollout: rolloutSchema.nullable() });

export type RolloutStatus = z.input<typeof rolloutSchema>;
export type CertificateStatus = z.input<typeof certificateSchema>;
export type BoardStatus = z.output<typeof boardStatusSchema>;
export type FlashState = z.output<typeof flashStateSchema>;
export type RouterStatus = z.input<typeof routerStatusSchema>;
export type ChannelRekeyings = z.output<typeof rekeyingsSchema>;
export type EventRow = z.input<typeof eventRowSchema>;
export type ServerStatus = z.input<typeof serverStatusSchema>;
export type ManagementRow = z.input<typeof managementRowSchema>;
export type PolicyRow = z.input<typeof policyRowSchema>;
