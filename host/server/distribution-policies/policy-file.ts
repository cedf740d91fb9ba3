/**
 * The setting server's file: one YAML document with the server's own settings, the routers with their credentials and
 * networks, and the distribution policies. Checked whole before anything of it is used; server.schema.json beside it is
 * the same for editors.
 */
import { z } from 'zod';
import { type Address, type Endpoint, parseAddress } from '../../model/address.ts';
import type { ChannelSettings } from '../../model/channel.ts';
import { channelSettings } from '../../model/channel-settings.ts';
import {
  certificateFiles,
  type PpkSource,
  ppkSchema,
  type ServerCertificateSources,
  type Source,
} from '../../model/credential-sources.ts';
import { nameText } from '../../model/name-text.ts';
import { type Prefix, parsePrefix } from '../../model/prefix.ts';
import type { Selector } from '../../model/selector.ts';
import { prefixText, textOf } from '../../model/selector-text.ts';
import type { UtcMs } from '../../model/trusted-time.ts';
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
  readonly channel: ChannelSettings;
  /** SQLite file; as typed, relative to the settings file. */
  readonly database: string;
  readonly controlSocket: string;
  /** Rows kept in the audit log; the oldest go first. */
  readonly auditRows: number;
  readonly processing: ProcessingSettings;
  /** undefined while nobody proves anything by certificates. */
  readonly certificate: ServerCertificateSources | undefined;
  readonly routers: readonly ServerRouter[];
  readonly distributionPolicies: readonly PolicyDraft[];
}

export interface ServerRouter extends EnrolledRouter {
  /** As typed, relative to the settings file; undefined when neither end proves itself by it. */
  readonly preSharedKeyFile: string | undefined;
  /** What this router proves itself by, and what the server does towards it. */
  /** A post-quantum pre-shared key beside that. */
  readonly ppk: PpkSource | undefined;
  readonly routerProves: Proof;
  readonly serverProves: Proof;
  /** Cut off: it stays in the file, so that policies may name it, and is as if it were not there. */
  readonly revokedUtcMs: UtcMs | undefined;
  /** Certificates issued before, when it was revoked, prove nothing. */
  readonly certificatesSinceUtcMs: UtcMs | undefined;
}

export type Proof = 'preSharedKey' | 'certificate';

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
    certificate: z
      .strictObject({ ...certificateFiles, caFile: certificateFiles.caFile.optional() })
      .optional(),
    timers: timersSchema,
    capacity: capacitySchema,
  })
  .prefault({});

const proofText = z
  .enum(['preSharedKey', 'certificate'], 'expected preSharedKey or certificate')
  .default('preSharedKey');

/** A time to the second, as milliseconds. */
const timeText = z.iso
  .datetime('expected a time such as 2026-11-27T12:00:00Z')
  .transform((text): UtcMs => Date.parse(text));

const routerSchema = z.strictObject(
  {
    name: nameText.meta({ description: "the router's name, which is its IKE identity" }),
    credential: z
      .strictObject(
        {
          preSharedKeyFile: fileName
            .optional()
            .meta({ description: 'relative to this file; readable by its owner only' }),
          router: proofText.meta({ description: 'what the router proves itself by' }),
          server: proofText.meta({ description: 'what the server proves itself by towards this router' }),
          ppk: ppkSchema,
        },
        'expected a credential with preSharedKeyFile',
      )
      .superRefine(({ preSharedKeyFile, router, server }, context) => {
        const isWanted = router === 'preSharedKey' || server === 'preSharedKey';
        if (isWanted === (preSharedKeyFile !== undefined)) return;
        context.addIssue({
          code: 'custom',
          path: ['preSharedKeyFile'],
          message: isWanted
            ? 'missing; expected the file of the pre-shared key, or router: certificate and server: certificate'
            : 'is not needed: both ends prove themselves by certificates',
        });
      }),
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
    revoked: timeText.optional().meta({
      description: 'cut off since then; `sekisho server revoke` writes it, `enrol --again` takes it out',
    }),
    certificatesSince: timeText
      .optional()
      .meta({ description: 'certificates issued before are refused; `sekisho server enrol` writes it' }),
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
    hasAuthorities: typeof fieldOf(fieldOf(fieldOf(file, 'server'), 'certificate'), 'caFile') === 'string',
    hasCertificate:
      typeof fieldOf(fieldOf(fieldOf(file, 'server'), 'certificate'), 'certificateFile') === 'string',
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
    routerProves:
      fieldOf(fieldOf(value, 'credential'), 'router') === 'certificate' ? 'certificate' : 'preSharedKey',
    serverProves:
      fieldOf(fieldOf(value, 'credential'), 'server') === 'certificate' ? 'certificate' : 'preSharedKey',
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
    channel,
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
    certificate: server.certificate && certificateSources(server.certificate),
    routers: routers.map(({ name, credential, networks, proposals, revoked, certificatesSince }) => ({
      name,
      preSharedKeyFile: credential.preSharedKeyFile,
      ppk: credential.ppk,
      routerProves: credential.router,
      serverProves: credential.server,
      networks,
      proposals,
      revokedUtcMs: revoked,
      certificatesSinceUtcMs: certificatesSince,
    })),
    distributionPolicies: distributionPolicies.map(policyDraft),
  };
}

function certificateSources(
  typed: NonNullable<z.output<typeof serverSchema>['certificate']>,
): ServerCertificateSources {
  const file = (path: string): Source => ({ kind: 'file', path });
  return {
    certificate: file(typed.certificateFile),
    privateKey: file(typed.privateKeyFile),
    authorities: typed.caFile === undefined ? undefined : file(typed.caFile),
    revocationLists: typed.crlFile === undefined ? undefined : file(typed.crlFile),
    revocation: typed.crl,
  };
}

/** JSON Schema of the file, for editors. */
export function serverJsonSchema(): object {
  return {
    ...z.toJSONSchema(serverFileSchema, { io: 'input', target: 'draft-7' }),
    title: 'Settings of a Sekisho setting server',
  };
}
