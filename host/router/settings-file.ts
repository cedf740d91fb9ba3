/**
 * The router's settings file: one YAML document with the router's identity, whom to ask, its interfaces and its ordered SPD.
 * Checked whole before anything of it is used; router.schema.json beside it is the same for editors.
 */
import { z } from 'zod';
import { type Address, parseAddress } from '../model/address.ts';
import type { ChannelSettings } from '../model/channel.ts';
import { channelSettings } from '../model/channel-settings.ts';
import {
  type CredentialSources,
  credentialSources,
  routerCredentialSchema,
} from '../model/credential-sources.ts';
import { interfaceText, nameText } from '../model/name-text.ts';
import type { SpdEntry } from '../model/policy.ts';
import { selectorText, textOf } from '../model/selector-text.ts';
import { parseYamlSettings } from '../model/yaml-settings.ts';
import { defaultBootTrialSeconds } from '../slots/boot-trial.ts';
import { type BoardNetwork, boardNetworkSchema } from './board-network.ts';
import { defaultSettingTimers, type SettingTimers } from './setting-management/timers.ts';

/** What the file says, with defaults filled in. */
export interface RouterSettings {
  /** IKE identity and the name under which policies know this router. */
  readonly name: string;
  /** File names as typed; relative to the settings file. */
  readonly credential: CredentialSources;
  readonly server: { readonly address: Address; readonly port: number; readonly identity: string };
  readonly channel: ChannelSettings;
  readonly unprotected: {
    readonly interface: string;
    readonly address: Address | 'auto';
    readonly port: number;
  };
  /** Interfaces of the protected side; empty on a PC. */
  readonly protectedInterfaces: readonly string[];
  readonly tunnel: { readonly interface: string; readonly mtu: number };
  /** Absent where somebody else sets addresses and routes. */
  readonly network?: BoardNetwork;
  readonly controlSocket: string;
  /** Where the router keeps what outlives it: with certificates, the latest time seen. */
  readonly stateDirectory: string;
  /** Where releases are to be had; a board with slots alone has a use for it. */
  readonly upgrade: { readonly url?: string | undefined; readonly trialSeconds: number } | undefined;
  readonly capacity: { readonly saPairs: number };
  readonly held: { readonly packetsPerEntry: number; readonly packetsTotal: number };
  readonly timers: SettingTimers;
  /** Seconds for which an SA may send and hear nothing; 0 is for ever. */
  readonly unansweredSeconds: number;
  readonly spd: readonly SpdEntry[];
}

export const defaultControlSocket = '/run/sekisho/router.sock';

const port = z.int().min(1).max(65535);
const fileName = z.string().min(1).max(4096);
const address = textOf<Address>(parseAddress, 'an IPv4 or IPv6 address');
const seconds = z.number().min(0.01).max(86_400);
const defaultSeconds = (ms: number) => seconds.default(ms / 1000);

const timersSchema = z.strictObject({
  requestIntervalSeconds: defaultSeconds(defaultSettingTimers.requestIntervalMs),
  requestTries: z.int().min(1).max(100).default(defaultSettingTimers.requestTries),
  pendingIntervalSeconds: defaultSeconds(defaultSettingTimers.pendingIntervalMs),
  pendingWaitSeconds: defaultSeconds(defaultSettingTimers.pendingWaitMs),
  channelWaitSeconds: defaultSeconds(defaultSettingTimers.channelWaitMs),
  backOffSeconds: defaultSeconds(defaultSettingTimers.backOffMs),
  backOffMaximumSeconds: defaultSeconds(defaultSettingTimers.backOffMaxMs),
  renewalRetrySeconds: defaultSeconds(defaultSettingTimers.renewalRetryMs),
  // The peer's sign of life may take 10 s, and be lost.
  unansweredSeconds: z.union([z.literal(0), z.number().min(20).max(86_400)]).default(60),
});

const spdEntrySchema = z
  .strictObject({
    name: nameText.meta({ description: 'unique in the SPD' }),
    selector: selectorText,
    action: z.enum(['PROTECT', 'BYPASS', 'DISCARD'], 'expected PROTECT, BYPASS or DISCARD'),
    requestPeer: nameText
      .optional()
      .meta({ description: 'the router at the other end, to be named when asking; with PROTECT only' }),
  })
  .superRefine((entry, context) => {
    if (entry.action === 'PROTECT' && entry.requestPeer === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['requestPeer'],
        message: 'missing: PROTECT needs the name of the router to ask for',
      });
    }
    if (entry.action !== 'PROTECT' && entry.requestPeer !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['requestPeer'],
        message: `only PROTECT asks for a peer, not ${entry.action}`,
      });
    }
  });

const spdSchema = z
  .array(spdEntrySchema)
  .max(4096)
  .superRefine((entries, context) => {
    const seen = new Map<string, number>();
    entries.forEach((entry, index) => {
      const before = seen.get(entry.name);
      if (before === undefined) seen.set(entry.name, index);
      else
        context.addIssue({
          code: 'custom',
          path: [index, 'name'],
          message: `spd[${before}] is called ${entry.name} too`,
        });
    });
  })
  .meta({ description: 'ordered: the first entry with a matching selector decides; no match is DISCARD' });

const upgradeUrl = z
  .url({ protocol: /^https?$/, error: 'expected http://HOST/PATH/ or https://HOST/PATH/' })
  .max(255);

const powerOfTwo = (value: number) => (value & (value - 1)) === 0;

/** The file's shape. */
export const routerFileSchema = z.strictObject({
  version: z.literal(1, 'expected 1, the version of this file format'),
  name: nameText.meta({ description: 'the router, as the policies and IKE know it' }),
  credential: routerCredentialSchema,
  server: z.strictObject({
    address,
    port: port.default(4500),
    identity: nameText.default('server'),
  }),
  channel: channelSettings,
  unprotected: z.strictObject({
    interface: interfaceText,
    address: z
      .union(
        [z.literal('auto').transform((auto) => auto as 'auto' | Address), address],
        'expected auto or an address',
      )
      .default('auto'),
    port: port.default(4500),
  }),
  protected: z.strictObject({ interfaces: z.array(interfaceText).max(64) }).optional(),
  tunnel: z
    .strictObject({
      interface: interfaceText.default('sekisho0'),
      mtu: z.int().min(576).max(9000).default(1400),
    })
    .prefault({}),
  network: boardNetworkSchema.optional(),
  controlSocket: fileName.default(defaultControlSocket),
  stateDirectory: fileName.default('/var/lib/sekisho').meta({
    description:
      'where the router keeps what outlives it when it has no config flash: the latest time seen, what became of a version-up',
  }),
  upgrade: z
    .strictObject({
      url: upgradeUrl.meta({ description: 'where `sekisho release publish` is served' }).optional(),
      // From the start of the machine: a slow one takes a minute until its router runs.
      trialSeconds: z.int().min(60).max(3600).default(defaultBootTrialSeconds),
    })
    .optional()
    .meta({ description: 'new versions, for a board with slots' }),
  capacity: z
    .strictObject({
      saPairs: z.int().min(16).max(65_536).refine(powerOfTwo, 'expected a power of two').default(1024).meta({
        description: 'SA pairs at the same time, those being renewed counted twice; a power of two',
      }),
    })
    .prefault({}),
  held: z
    .strictObject({
      packetsPerEntry: z.int().min(1).max(4096).default(64),
      packetsTotal: z.int().min(1).max(65_536).default(1024),
    })
    .prefault({}),
  timers: timersSchema.prefault({}),
  spd: spdSchema,
});

/**
 * Reads a router's settings file.
 *
 * @param fileName for the messages
 * @throws HostError CONFIG_INVALID, one line for each mistake: `file:line:column: field: what was expected`
 */
export function parseRouterFile(text: string, fileName: string): RouterSettings {
  const file = parseYamlSettings(text, fileName, routerFileSchema);
  const { timers } = file;
  return {
    name: file.name,
    credential: credentialSources(file.credential),
    server: file.server,
    channel: file.channel,
    unprotected: file.unprotected,
    protectedInterfaces: file.protected?.interfaces ?? [],
    tunnel: file.tunnel,
    ...(file.network === undefined ? {} : { network: file.network }),
    controlSocket: file.controlSocket,
    stateDirectory: file.stateDirectory,
    upgrade: file.upgrade,
    capacity: file.capacity,
    held: file.held,
    timers: {
      ...defaultSettingTimers,
      requestIntervalMs: timers.requestIntervalSeconds * 1000,
      requestTries: timers.requestTries,
      pendingIntervalMs: timers.pendingIntervalSeconds * 1000,
      pendingWaitMs: timers.pendingWaitSeconds * 1000,
      channelWaitMs: timers.channelWaitSeconds * 1000,
      backOffMs: timers.backOffSeconds * 1000,
      backOffMaxMs: timers.backOffMaximumSeconds * 1000,
      renewalRetryMs: timers.renewalRetrySeconds * 1000,
    },
    unansweredSeconds: timers.unansweredSeconds,
    spd: file.spd.map(
      ({ name: entryName, selector, action, requestPeer }): SpdEntry => ({
        name: entryName,
        selectors: selector,
        action,
        ...(requestPeer === undefined ? {} : { requestPeer }),
      }),
    ),
  };
}

/** JSON Schema of the file, for editors. */
export function routerJsonSchema(): object {
  return {
    ...z.toJSONSchema(routerFileSchema, { io: 'input', target: 'draft-7' }),
    title: 'Settings of a Sekisho router',
  };
}
