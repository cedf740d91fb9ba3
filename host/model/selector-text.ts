/**
 * Selectors as people type them in YAML, for the router's SPD and the server's policies alike: prefixes by CIDR, protocols
 * by name or number, ports as a number or "1000-2000". Lists of prefixes become one selector for each combination.
 */
import { z } from 'zod';
import { type Prefix, parsePrefix } from './prefix.ts';
import type { Result } from './result.ts';
import { protocolNumbers, type Range, type Selector } from './selector.ts';

/** A value that `parse` reads out of a string; its failure is the field's error. */
export function textOf<Value>(parse: (text: string) => Result<Value>, description: string) {
  return z
    .string(`expected ${description}`)
    .meta({ description })
    .transform((text, context): Value => {
      const parsed = parse(text);
      if (parsed.ok) return parsed.value;
      context.issues.push({ code: 'custom', message: parsed.message, input: text });
      return z.NEVER;
    });
}

export const prefixText = textOf<Prefix>(parsePrefix, 'a prefix such as 10.1.0.0/16 or 2001:db8::/32');

/** One prefix, or a list of them. */
export const prefixesText = z
  .union(
    [prefixText.transform((prefix) => [prefix]), z.array(prefixText).min(1, 'expected at least one prefix')],
    {
      // Says what is wrong with the prefix rather than that none of the forms fits.
      error: ({ input }) => mistakeInPrefixes(input),
    },
  )
  .transform((prefixes): readonly Prefix[] => prefixes);

function mistakeInPrefixes(input: unknown): string {
  const parts = Array.isArray(input) ? input : [input];
  for (const part of parts) {
    if (typeof part !== 'string') continue;
    const parsed = parsePrefix(part);
    if (!parsed.ok) return parsed.message;
  }
  return 'expected a prefix such as 10.1.0.0/16 or 2001:db8::/32, or a list of them';
}

const protocolNames = Object.keys(protocolNumbers);

/** An IP protocol by name or number; absent is any. */
export const protocolText = z
  .union(
    [
      z.enum(protocolNames as [string, ...string[]]).transform((name) => protocolNumbers[name] ?? 0),
      z.int().min(0).max(255),
    ],
    `expected a protocol number from 0 to 255 or one of ${protocolNames.join(', ')}`,
  )
  .meta({ description: 'IP protocol, by name or number; any when absent' });

/** One number or "first-last", both included. */
function rangeText(maximum: number, what: string) {
  const expected = `expected ${what} from 0 to ${maximum}, or a range such as "10-20"`;
  return z
    .union(
      [
        z
          .int()
          .min(0)
          .max(maximum)
          .transform((value): Range => ({ first: value, last: value })),
        z
          .string()
          .regex(/^\d{1,5}-\d{1,5}$/)
          .transform((text, context): Range => {
            const [first = 0, last = 0] = text.split('-').map(Number);
            if (first <= last && last <= maximum) return { first, last };
            context.issues.push({ code: 'custom', message: expected, input: text });
            return z.NEVER;
          }),
      ],
      expected,
    )
    .meta({ description: `${what}, or a range "first-last"; any when absent` });
}

const portedProtocols = new Set([
  protocolNumbers.tcp,
  protocolNumbers.udp,
  protocolNumbers.dccp,
  protocolNumbers.sctp,
  protocolNumbers.udplite,
]);
const icmpProtocols = new Set([protocolNumbers.icmp, protocolNumbers.icmpv6]);

/** Fields of a selector beside its prefixes. */
export const transportFields = {
  protocol: protocolText.optional(),
  localPorts: rangeText(65535, 'a port').optional(),
  remotePorts: rangeText(65535, 'a port').optional(),
  icmpType: rangeText(255, 'an ICMP type').optional(),
  icmpCode: rangeText(255, 'an ICMP code').optional(),
};

/** The selector of an SPD entry: one or more selectors of the model. */
export const selectorText = z
  .strictObject(
    { local: prefixesText, remote: prefixesText, ...transportFields },
    'expected a selector with local and remote',
  )
  .transform((typed, context): readonly Selector[] => {
    const refuse = (path: string, message: string): never => {
      context.issues.push({ code: 'custom', message, input: typed, path: [path] });
      return z.NEVER;
    };
    const mistake = transportMistake(typed);
    if (mistake !== undefined) return refuse(mistake.field, mistake.message);
    const selectors = typed.local.flatMap((local) =>
      typed.remote
        .filter((remote) => remote.address.family === local.address.family)
        .map((remote) => ({ local, remote, ...transportOf(typed) })),
    );
    const isUsed = (prefix: Prefix) =>
      selectors.some(({ local, remote }) => local === prefix || remote === prefix);
    if (!typed.local.every(isUsed)) return refuse('local', 'has an address family that remote does not have');
    if (!typed.remote.every(isUsed))
      return refuse('remote', 'has an address family that local does not have');
    return selectors;
  });

export interface TypedTransport {
  readonly protocol?: number | undefined;
  readonly localPorts?: Range | undefined;
  readonly remotePorts?: Range | undefined;
  readonly icmpType?: Range | undefined;
  readonly icmpCode?: Range | undefined;
}

/** What is wrong with the combination of protocol, ports, type and code, if anything. */
export function transportMistake(
  typed: TypedTransport,
): { readonly field: string; readonly message: string } | undefined {
  const { protocol, localPorts, remotePorts, icmpType, icmpCode } = typed;
  const ports = localPorts !== undefined ? 'localPorts' : 'remotePorts';
  if ((localPorts ?? remotePorts) !== undefined && !portedProtocols.has(protocol)) {
    return { field: ports, message: 'ports need protocol tcp, udp, sctp, dccp or udplite' };
  }
  const icmp = icmpType !== undefined ? 'icmpType' : 'icmpCode';
  if ((icmpType ?? icmpCode) !== undefined && !icmpProtocols.has(protocol)) {
    return { field: icmp, message: 'ICMP type and code need protocol icmp or icmpv6' };
  }
  return undefined;
}

/** The fields of a model selector, null where any. */
export function transportOf(typed: TypedTransport): Omit<Selector, 'local' | 'remote'> {
  return {
    protocol: typed.protocol ?? null,
    localPorts: typed.localPorts ?? null,
    remotePorts: typed.remotePorts ?? null,
    icmpType: typed.icmpType ?? null,
    icmpCode: typed.icmpCode ?? null,
  };
}
