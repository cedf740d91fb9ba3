/**
 * The setting server's file: one YAML document with the server's own settings, the routers with their credentials and
 * networks, and the distribution policies. Checked whole before anything of it is used; server.schema.json beside it is
 * the same for editors.
 */
import { z } from 'zod';
import { type Address, type Endpoint, parseAddress } from '../../model/address.ts';
import { channelSettings } from '../../model/channel-settings.ts';
import type { ChannelProposals } from '../../model/child-proposal.ts';
import { nameText } from '../../model/name-text.ts';
import { type Prefix, parsePrefix } from '../../model/prefix.ts';
import type { Selector } from '../../model/selector.ts';
import { prefixText, textOf } from '../../model/selector-text.ts';
import { parseYamlSettings } from '../../model/yaml-settings.ts';
import { defaultProcessingSettings, type ProcessingSettings } from '../request-processing/settings.ts';
import { type CheckedFile, type CheckedPolicy, type CheckedRouter, fileMistakes } from './file-checks.ts';
import {
  defaultProposalOf,
  type PolicyDraft,
  policyDraft,
  policySchema,
  proposalText,
} from './policy-schema.ts';
import type { EnrolledRouter } from './policy-set.ts';

/** What the file says, with defaults filled in. */
export interface ServerSettings {
  /** IKE identity of the server. */
  readonly identity: string;
  readonly listen: readonly Endpoint[];
  readonly channelProposals: ChannelProposals;
  /** SQLite file; as typed, relative to the settings file. */
  readonly database: string;
  readonly controlSocket: string;
  /** Rows kept in the audit log; the oldest go first. */
  readonly auditRows: number;
  readonly processing: ProcessingSettings;
  readonly routers: readonly ServerRouter[];
  readonly distributionPolicies: readonly PolicyDraft[];
}

export interface ServerRouter extends EnrolledRouter {
  /** As typed, relative to the settings file. */
  readonly preSharedKeyFile: string;
}

const fileName = z.string().min(1).max(4096);
const seconds = (ms: number) =>
  z
    .number()
    .min(0.01)
    .max(86_400)
    .default(ms / 1000);
const count = (fallback: number, maximum: number) => z.int().min(1).max(maximum).default(fallback);
const defaults = defaultProcessingSettings;

const timersSchema = z
  .strictObject({
    startupIntervalSeconds: seconds(defaults.startupIntervalMs),
    startupTries: count(defaults.startupTries, 100),
    repeatSeconds: seconds(defaults.repeatMs).meta({
      description: 'first repetition; each further after twice as long',
    }),
    repeatMaximumSeconds: seconds(defaults.repeatCapMs),
    installWithinSeconds: seconds(defaults.installWithinMs),
    outliveSeconds: seconds(defaults.outliveMs),
    tombstoneSeconds: seconds(defaults.tombstoneMs),
    noticeTries: count(defaults.noticeTries, 10),
  })
  .prefault({});

const capacitySchema = z
  .strictObject({
    entries: count(defaults.maximumEntries, 10_000_000).meta({ description: 'SA pairs of all routers' }),
    entriesPerRouter: count(defaults.maximumEntriesOfRouter, 10_000_000),
    newEntriesPerSecond: count(defaults.newEntriesPerSecond, 1_000_000).meta({
      description: 'of one router, sustained',
    }),
    newEntriesBurst: count(defaults.newEntriesBurst, 1_000_000),
    auditRows: count(100_000, 100_000_000).meta({
      description: 'rows kept in the audit log; the oldest go first',
    }),
  })
  .prefault({});

const serverSchema = z
  .strictObject({
    identity: nameText.default('server').meta({ description: "the server's IKE identity" }),
    listen: z
      .array(
        z
          .strictObject({
            address: textOf<Address>(parseAddress, 'an IPv4 or IPv6 address'),
            port: z.int().min(1).max(65535).default(4500),
          })
          .transform((endpoint): Endpoint => endpoint),
      )
      .min(1, 'expected at least one address to listen on')
      .max(16)
      .prefault([{ address: '0.0.0.0' }]),
    channel: channelSettings,
    database: fileName.default('sekisho.sqlite'),
    controlSocket: fileName.default('/run/sekisho/server.sock'),
    timers: timersSchema,
    capacity: capacitySchema,
  })
  .prefault({});

const routerSchema = z.strictObject(
  {
    name: nameText.meta({ description: "the router's name, which is its IKE identity" }),
    credential: z.strictObject(
      {
        preSharedKeyFile: fileName.meta({ description: 'relative to this file; readable by its owner only' }),
      },
      'expected a credential with preSharedKeyFile',
    ),
    networks: z
      .array(prefixText, 'expected a list of prefixes')
      .min(1, 'expected at least one prefix')
      .max(256)
      .meta({ description: "behind the router; no two routers' networks overlap" }),
    proposals: z
      .array(proposalText)
      .min(1)
      .optional()
      .meta({ description: 'restricts what this router may be given; absent is no restriction' }),
  },
  'expected a router: name, credential, networks',
);

/** The file's shape. */
export const serverFileSchema = z
  .strictObject(
    {
      version: z.literal(1, 'expected 1, the version of this file format'),
      server: serverSchema,
      routers: z.array(routerSchema, 'expected a list of routers').max(100_000),
      distributionPolicies: z.array(policySchema, 'expected a list of policies').max(100_000).default([]),
    },
    'expected version, server, routers and distributionPolicies',
  )
  .superRefine(
    (file, context) => {
      for (const { path, message } of fileMistakes(checkedFile(file))) {
        context.addIssue({ code: 'custom', path: [...path], message });
      }
    },
    // Also when other parts have mistakes: a person wants to see all of them at once.
    { when: () => true },
  );

/** What of a file, possibly with mistakes, can be checked across its parts. */
function checkedFile(file: unknown): CheckedFile {
  return {
    routers: listIn(file, 'routers').map(checkedRouter),
    policies: listIn(file, 'distributionPolicies').map(checkedPolicy),
  };
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
}

function listIn(value: unknown, field: string): readonly unknown[] {
  const list = fieldOf(value, field);
  return Array.isArray(list) ? list : [];
}

function checkedRouter(value: unknown): CheckedRouter | undefined {
  const name = fieldOf(value, 'name');
  if (typeof name !== 'string') return undefined;
  const proposals = fieldOf(value, 'proposals');
  return {
    name,
    networks: listIn(value, 'networks').map(prefixIn),
    proposals: Array.isArray(proposals) ? proposals : undefined,
  };
}

/** A prefix that parsed, or is still text because something beside it did not parse. */
function prefixIn(value: unknown): Prefix | undefined {
  if (typeof value === 'string') {
    const parsed = parsePrefix(value);
    return parsed.ok ? parsed.value : undefined;
  }
  const octets = fieldOf(fieldOf(value, 'address'), 'octets');
  return octets instanceof Uint8Array ? (value as Prefix) : undefined; // the shape that prefixText makes
}

function checkedPolicy(value: unknown): CheckedPolicy | undefined {
  const kind = fieldOf(value, 'kind');
  const [first, second] = listIn(value, 'between');
  if (typeof kind !== 'string' || typeof first !== 'string' || typeof second !== 'string') return undefined;
  const proposal = fieldOf(value, 'proposal');
  const selectors = fieldOf(value, 'selectors');
  return {
    kind,
    between: [first, second],
    proposal:
      typeof proposal === 'string'
        ? proposal
        : defaultProposalOf(fieldOf(value, 'protocol') === 'ah' ? 'ah' : 'esp'),
    selectors: Array.isArray(selectors) ? selectors.flat().filter(isSelector) : undefined,
  };
}

/** True for what policySchema made of a typed selector; one with a mistake is still as it was typed. */
function isSelector(value: unknown): value is Selector {
  return fieldOf(value, 'local') !== undefined && fieldOf(value, 'remote') !== undefined;
}

/**
 * Reads a setting server's file.
 *
 * @param fileName for the messages
 * @throws HostError CONFIG_INVALID, one line for each mistake: `file:line:column: field: what was expected`
 */
export function parsePolicyFile(text: string, fileName: string): ServerSettings {
  const { server, routers, distributionPolicies } = parseYamlSettings(text, fileName, serverFileSchema);
  const { timers, capacity, identity, listen, channel, database, controlSocket } = server;
  return {
    identity,
    listen,
    channelProposals: channel,
    database,
    controlSocket,
    auditRows: capacity.auditRows,
    processing: {
      startupIntervalMs: timers.startupIntervalSeconds * 1000,
      startupTries: timers.startupTries,
      repeatMs: timers.repeatSeconds * 1000,
      repeatCapMs: timers.repeatMaximumSeconds * 1000,
      installWithinMs: timers.installWithinSeconds * 1000,
      outliveMs: timers.outliveSeconds * 1000,
      tombstoneMs: timers.tombstoneSeconds * 1000,
      noticeTries: timers.noticeTries,
      maximumEntries: capacity.entries,
      maximumEntriesOfRouter: capacity.entriesPerRouter,
      newEntriesPerSecond: capacity.newEntriesPerSecond,
      newEntriesBurst: capacity.newEntriesBurst,
    },
    routers: routers.map(({ name, credential, networks, proposals }) => ({
      name,
      preSharedKeyFile: credential.preSharedKeyFile,
      networks,
      proposals,
    })),
    distributionPolicies: distributionPolicies.map(policyDraft),
  };
}

/** JSON Schema of the file, for editors. */
export function serverJsonSchema(): object {
  return {
    ...z.toJSONSchema(serverFileSchema, { io: 'input', target: 'draft-7' }),
    title: 'Settings of a Sekisho setting server',
  };
}
