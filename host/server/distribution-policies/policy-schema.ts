/**
 * One distribution policy as it is typed in the policy file: defaults, ranges, and the selectors of a pair. `first` and
 * `second` are the routers of `between` in their order; `ports` means the port of either end, which is two selectors.
 */
import { z } from 'zod';
import { nameText } from '../../model/name-text.ts';
import type { DistributionPolicy } from '../../model/policy.ts';
import { type Prefix, parsePrefix } from '../../model/prefix.ts';
import {
  defaultAhProposal,
  defaultProposal,
  proposalForms,
  proposalFormsOf,
  proposals,
} from '../../model/proposal.ts';
import type { SaProtocol } from '../../model/security-association.ts';
import type { Range, Selector } from '../../model/selector.ts';
import {
  prefixesText,
  type TypedTransport,
  transportFields,
  transportMistake,
  transportOf,
} from '../../model/selector-text.ts';

/** A policy without its revision, which is given when the file is put into force (revisions.ts). */
export type PolicyDraft = Omit<DistributionPolicy, 'revision'>;

export const proposalText = z
  .enum([...proposals.keys()] as [string, ...string[]], `expected ${proposalForms}`)
  .meta({ description: "algorithms, by strongSwan's keywords" });

const portsText = transportFields.localPorts;

interface TypedSelector {
  readonly protocol?: number | undefined;
  readonly ports?: Range | undefined;
  readonly firstPorts?: Range | undefined;
  readonly secondPorts?: Range | undefined;
  readonly icmpType?: Range | undefined;
  readonly icmpCode?: Range | undefined;
  readonly firstNetworks?: readonly Prefix[] | undefined;
  readonly secondNetworks?: readonly Prefix[] | undefined;
}

const everywhere: readonly Prefix[] = ['0.0.0.0/0', '::/0'].flatMap((text) => {
  const parsed = parsePrefix(text);
  return parsed.ok ? [parsed.value] : [];
});

/** One selector of a policy: one or more selectors of the model, `local` being the first router's side. */
const policySelectorText = z
  .strictObject({
    protocol: transportFields.protocol,
    ports: portsText,
    firstPorts: portsText,
    secondPorts: portsText,
    icmpType: transportFields.icmpType,
    icmpCode: transportFields.icmpCode,
    firstNetworks: prefixesText.optional(),
    secondNetworks: prefixesText.optional(),
  })
  .transform((typed: TypedSelector, context): readonly Selector[] => {
    const refuse = (path: string, message: string): never => {
      context.issues.push({ code: 'custom', message, input: typed, path: [path] });
      return z.NEVER;
    };
    const { ports, firstPorts, secondPorts } = typed;
    if (ports !== undefined && (firstPorts ?? secondPorts) !== undefined) {
      return refuse('ports', 'is the port of either end; give it alone, or firstPorts and secondPorts');
    }
    const mistake = transportMistake(transport(typed, ports ?? firstPorts, secondPorts));
    if (mistake !== undefined) {
      const field =
        mistake.field === 'remotePorts' ? 'secondPorts' : ports !== undefined ? 'ports' : 'firstPorts';
      return refuse(mistake.field.startsWith('icmp') ? mistake.field : field, mistake.message);
    }
    const transports =
      ports === undefined
        ? [transport(typed, firstPorts, secondPorts)]
        : [transport(typed, ports, undefined), transport(typed, undefined, ports)];
    const selectors = (typed.firstNetworks ?? everywhere).flatMap((local) =>
      (typed.secondNetworks ?? everywhere)
        .filter((remote) => remote.address.family === local.address.family)
        .flatMap((remote) => transports.map((one) => ({ local, remote, ...transportOf(one) }))),
    );
    if (selectors.length === 0) {
      return refuse('firstNetworks', 'has an address family that secondNetworks does not have');
    }
    return selectors;
  });

function transport(typed: TypedSelector, localPorts?: Range, remotePorts?: Range): TypedTransport {
  const { protocol, icmpType, icmpCode } = typed;
  return { protocol, localPorts, remotePorts, icmpType, icmpCode };
}

/** Sequence numbers of an SA without ESN (RFC 4303 section 3.3.3). */
const shortSequenceSpace = 0xffff_ffff;

const isReplayWindow = (value: number) => value === 0 || (value >= 64 && (value & (value - 1)) === 0);

const routerOrWildcard = z.union(
  [z.literal('*'), nameText],
  'expected the name of a router, or * for any enrolled router',
);

/** What ESP alone has. */
function refuseBeyondAh(
  policy: {
    readonly encapsulation: string;
    readonly tfcPadding: number | 'mtu';
    readonly dummiesPerSecond: number;
  },
  context: z.RefinementCtx,
): void {
  const refuse = (field: keyof typeof policy, message: string): void =>
    context.addIssue({ code: 'custom', path: [field], message });
  if (policy.encapsulation === 'udp') {
    refuse('encapsulation', 'UDP carries ESP alone (RFC 3948): expected auto or raw with protocol ah');
  }
  for (const field of ['tfcPadding', 'dummiesPerSecond'] as const) {
    if (policy[field] !== 0) refuse(field, 'hides what AH shows anyway: expected 0 with protocol ah');
  }
}

export const policySchema = z
  .strictObject(
    {
      kind: nameText.meta({
        description: 'names the policy in messages, logs and tables; unique for a pair',
      }),
      between: z
        .tuple([routerOrWildcard, routerOrWildcard], 'expected two routers: [tokyo, osaka], or ["*", "*"]')
        .meta({
          description: 'the two routers; "*" is any enrolled router. Exact pairs go before wildcards',
        }),
      selectors: z
        .array(policySelectorText)
        .min(1, 'expected at least one selector')
        .max(32)
        .optional()
        .meta({
          description: "which communication; absent is everything between the two routers' networks",
        }),
      protocol: z
        .enum(['esp', 'ah'], 'expected esp or ah')
        .default('esp')
        .meta({ description: 'ah covers the outer addresses too, encrypts nothing, and passes no NAT' }),
      mode: z.enum(['tunnel', 'transport'], 'expected tunnel or transport').default('tunnel'),
      proposal: proposalText.optional().meta({
        description: `algorithms, by strongSwan's keywords; by default ${defaultProposal}, with ah ${defaultAhProposal}`,
      }),
      allowLegacy: z
        .boolean()
        .default(false)
        .meta({ description: 'lets proposal be one with DES, triple DES or MD5, which RFC 8221 rules out' }),
      lifetime: z
        .strictObject({
          seconds: z.int().min(30).max(2_592_000).default(3600),
          octets: z.int().min(65_536).optional().meta({ description: 'of each SA; unlimited when absent' }),
          packets: z.int().min(256).optional().meta({ description: 'of each SA; unlimited when absent' }),
        })
        .prefault({}),
      esn: z
        .boolean()
        .default(true)
        .meta({ description: 'extended sequence numbers, RFC 4303 section 2.2.1' }),
      replayWindow: z
        .int()
        .min(0)
        .max(8192)
        .refine(isReplayWindow, 'expected 0, or a power of two from 64 to 8192')
        .default(1024)
        .meta({ description: 'packets; a power of two from 64 to 8192, or 0 to switch the check off' }),
      encapsulation: z.enum(['auto', 'udp', 'raw'], 'expected auto, udp or raw').default('auto').meta({
        description: 'auto: UDP (RFC 3948) when a NAT is in the way, otherwise raw; always raw with ah',
      }),
      dscp: z
        .union([z.literal('copy'), z.int().min(0).max(63)], 'expected copy, or a value from 0 to 63')
        .default('copy')
        .meta({ description: 'DSCP of the outer header' }),
      dontFragment: z.enum(['copy', 'set', 'clear'], 'expected copy, set or clear').default('copy'),
      tfcPadding: z
        .union([z.literal('mtu'), z.int().min(0).max(65535)], 'expected mtu, or octets from 0 to 65535')
        .default(0)
        .meta({
          description:
            'shorter inner packets are padded to so many octets, or to what the path takes (mtu); 0 is no padding. Tunnel mode only',
        }),
      dummiesPerSecond: z.int().min(0).max(1000).default(0).meta({
        description: 'packets without content that each router sends beside the others, on the average',
      }),
    },
    'expected a distribution policy: kind, between, …',
  )
  .superRefine((policy, context) => {
    const { esn, lifetime, between, protocol, allowLegacy, mode, tfcPadding } = policy;
    const proposal = policy.proposal ?? defaultProposalOf(protocol);
    if (proposals.get(proposal)?.protocols.includes(protocol) === false) {
      context.addIssue({
        code: 'custom',
        path: ['proposal'],
        message: `${proposal} is not for ${protocol}: expected ${proposalFormsOf[protocol]}`,
      });
    }
    if (protocol === 'ah') refuseBeyondAh(policy, context);
    if (mode === 'transport' && tfcPadding !== 0) {
      context.addIssue({
        code: 'custom',
        path: ['tfcPadding'],
        message: 'is for tunnel mode: in transport mode nothing would tell the padding from the payload',
      });
    }
    if (!allowLegacy && proposals.get(proposal)?.legacy === true) {
      context.addIssue({
        code: 'custom',
        path: ['proposal'],
        message: `${proposal} is legacy (RFC 8221): choose another, or say allowLegacy: true beside it`,
      });
    }
    if (!esn && lifetime.packets !== undefined && lifetime.packets > shortSequenceSpace) {
      context.addIssue({
        code: 'custom',
        path: ['lifetime', 'packets'],
        message: `without esn an SA has ${shortSequenceSpace} sequence numbers, found ${lifetime.packets}`,
      });
    }
    if (between[0] === between[1] && between[0] !== '*') {
      context.addIssue({
        code: 'custom',
        path: ['between'],
        message: `expected two routers, found ${between[0]} twice`,
      });
    }
  });

/** What a policy gets that names no proposal. */
export function defaultProposalOf(protocol: SaProtocol): string {
  return protocol === 'ah' ? defaultAhProposal : defaultProposal;
}

/** The policy as the model has it. */
export function policyDraft(typed: z.output<typeof policySchema>): PolicyDraft {
  const { kind, between, selectors, protocol, mode, proposal, lifetime, esn } = typed;
  const { replayWindow, encapsulation, dscp, dontFragment, tfcPadding, dummiesPerSecond } = typed;
  return {
    kind,
    between,
    selectors: selectors?.flat(),
    protocol,
    mode,
    proposal: proposal ?? defaultProposalOf(protocol),
    lifetimeSeconds: lifetime.seconds,
    lifetimeOctets: lifetime.octets === undefined ? undefined : BigInt(lifetime.octets),
    lifetimePackets: lifetime.packets === undefined ? undefined : BigInt(lifetime.packets),
    esn,
    replayWindow,
    encapsulation,
    dscp,
    dontFragment,
    tfcPadding,
    dummiesPerSecond,
  };
}
