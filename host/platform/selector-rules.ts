/**
 * SPD entries as nftables rules, in the order of the SPD: the first rule that matches decides, as RFC 4301 section 4.4.1
 * asks. The kernel only sorts traffic here (through IPsec or past it); which entry and which SA is the engine's decision.
 *
 * Doubt is resolved towards IPsec. A PROTECT or DISCARD selector is written as "leave if it can be seen not to match",
 * because nftables skips a rule that looks for something the packet does not show (a protocol behind a broken extension
 * header): such packets stay and are caught. A BYPASS selector is written the other way round. Fragments after the first
 * show no ports; where ports decide they are taken for PROTECT and never for BYPASS, and the engine drops and counts them
 * (section 7). That is asked before any port, because the kernel reads the octets of such a fragment as if they were
 * ports (seen on Linux 6.18).
 */
import { HostError } from '../model/host-error.ts';
import type { SpdEntry } from '../model/policy.ts';
import { formatPrefix, type Prefix, prefixContains } from '../model/prefix.ts';
import { formatSelector, type Range, type Selector } from '../model/selector.ts';

/** What to do with the two kinds of traffic: nftables statements that end the evaluation, such as `accept`. */
export interface Verdicts {
  /** For PROTECT and DISCARD, both of which are the engine's business. */
  readonly engine: string;
  /** For BYPASS. */
  readonly bypass: string;
}

/** Protocols with ports in the first four octets (model/selector.ts): TCP, UDP, DCCP, SCTP, UDP-Lite. */
const PORT_PROTOCOLS = [6, 17, 33, 132, 136];
const ICMP_PROTOCOL = { 4: 1, 6: 58 } as const;

/** One selector, seen by the nftables: what it is for and whether addresses alone decide. */
interface Candidate {
  readonly selector: Selector;
  readonly entryName: string;
  readonly verdict: string;
  readonly engine: boolean;
}

/**
 * The rules of all entries, one a line, without indentation.
 *
 * @param direction `outbound`: source is local, destination remote; `inbound`: the reverse
 * @throws HostError CONFIG_INVALID for a selector whose two prefixes are of different families
 */
export function renderSelectorRules(
  entries: readonly SpdEntry[],
  direction: 'outbound' | 'inbound',
  verdicts: Verdicts,
): string[] {
  const candidates = entries.flatMap((entry) =>
    entry.selectors.filter(canMatch).map((selector): Candidate => {
      refuseMixedFamilies(entry, selector);
      const engine = entry.action !== 'BYPASS';
      return {
        selector,
        entryName: entry.name,
        engine,
        verdict: engine ? verdicts.engine : verdicts.bypass,
      };
    }),
  );
  return runsOf(candidates).flatMap((run) => renderRun(run, direction));
}

/**
 * Neighbours that can change places without changing any decision: same verdict, nothing but addresses. They become
 * rules with sets, so that the cost of a packet does not grow with the number of far networks.
 */
function runsOf(candidates: readonly Candidate[]): Candidate[][] {
  const runs: Candidate[][] = [];
  for (const candidate of candidates) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (
      run !== undefined &&
      last !== undefined &&
      isAddressOnly(last.selector) &&
      isAddressOnly(candidate.selector) &&
      last.engine === candidate.engine
    ) {
      run.push(candidate);
    } else {
      runs.push([candidate]);
    }
  }
  return runs;
}

function renderRun(run: readonly Candidate[], direction: 'outbound' | 'inbound'): string[] {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of run) {
    const key = formatPrefix(candidate.selector.local);
    groups.set(key, [...(groups.get(key) ?? []), candidate]);
  }
  return [...groups.values()].map((group) => renderGroup(group, direction));
}

/** One rule for candidates that share their local prefix. */
function renderGroup(group: readonly Candidate[], direction: 'outbound' | 'inbound'): string {
  const [first] = group;
  if (first === undefined) return '';
  const remotes = withoutContained(group.map((candidate) => candidate.selector.remote));
  const addresses = renderAddresses(first.selector.local, remotes, direction);
  const comment = renderComment(group.map((candidate) => candidate.entryName));
  const { selector, verdict, engine } = first;
  if (isAddressOnly(selector)) return `${addresses} ${verdict} ${comment}`;
  const onFragment = hasPorts(selector) || hasIcmp(selector) ? fragmentTests(selector) : [];
  const rules = engine
    ? [
        `meta l4proto != ${renderProtocols(selector)} return`,
        ...onFragment.map((test) => `${test} ${verdict}`),
        ...renderConditions(selector, direction).map(([key, value]) => `${key} != ${value} return`),
        verdict,
      ]
    : [
        ...onFragment.map((test) => `${test} return`),
        [
          `meta l4proto ${renderProtocols(selector)}`,
          ...renderConditions(selector, direction).map(([key, value]) => `${key} ${value}`),
          verdict,
        ].join(' '),
      ];
  return `${addresses} jump { ${rules.map((rule) => `${rule}; `).join('')}} ${comment}`;
}

/**
 * What tells a fragment after the first. In IPv6 also a fragment header with anything but the protocol behind it, such as
 * a second one: the kernel's view of the first does not say where the ports are.
 */
function fragmentTests(selector: Selector): string[] {
  return selector.local.address.family === 4
    ? ['ip frag-off & 0x1fff != 0']
    : ['frag frag-off != 0', `frag nexthdr != ${renderProtocols(selector)}`];
}

/** The protocols that the selector can match, which `isAddressOnly` ones do not restrict. */
function renderProtocols(selector: Selector): string {
  if (selector.protocol !== null) return String(selector.protocol);
  if (hasPorts(selector)) return `{ ${PORT_PROTOCOLS.join(', ')} }`;
  return String(ICMP_PROTOCOL[selector.local.address.family]);
}

function renderAddresses(
  local: Prefix,
  remotes: readonly Prefix[],
  direction: 'outbound' | 'inbound',
): string {
  const family = local.address.family === 4 ? 'ip' : 'ip6';
  const [localKey, remoteKey] = direction === 'outbound' ? ['saddr', 'daddr'] : ['daddr', 'saddr'];
  const parts = [`meta nfproto ${local.address.family === 4 ? 'ipv4' : 'ipv6'}`];
  if (local.length > 0) parts.push(`${family} ${localKey} ${formatPrefix(local)}`);
  if (!remotes.some((remote) => remote.length === 0)) {
    const texts = remotes.map(formatPrefix);
    parts.push(`${family} ${remoteKey} ${texts.length === 1 ? texts[0] : `{ ${texts.join(', ')} }`}`);
  }
  return parts.join(' ');
}

/** What the selector asks beyond addresses and protocol: nftables expressions with the values that they must have. */
function renderConditions(selector: Selector, direction: 'outbound' | 'inbound'): [string, string][] {
  const { localPorts, remotePorts, icmpType, icmpCode } = selector;
  const icmpKeyword = selector.local.address.family === 4 ? 'icmp' : 'icmpv6';
  const [localKey, remoteKey] = direction === 'outbound' ? ['sport', 'dport'] : ['dport', 'sport'];
  const asked: [string, Range | null][] = [
    [`th ${localKey}`, localPorts],
    [`th ${remoteKey}`, remotePorts],
    [`${icmpKeyword} type`, icmpType],
    [`${icmpKeyword} code`, icmpCode],
  ];
  return asked.flatMap(([key, range]): [string, string][] =>
    range === null ? [] : [[key, renderRange(range)]],
  );
}

function renderRange(range: Range): string {
  return range.first === range.last ? String(range.first) : `${range.first}-${range.last}`;
}

/** nftables strings know no escape; names are for the eye of whoever lists the table, so odd characters may go. */
function renderComment(entryNames: readonly string[]): string {
  const text = [...new Set(entryNames)].join(', ').replaceAll(/[^A-Za-z0-9 ,._:/-]/g, '?');
  return `comment "${text.length > 100 ? `${text.slice(0, 97)}...` : text}"`;
}

function withoutContained(prefixes: readonly Prefix[]): Prefix[] {
  const shortestFirst = [...new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix])).values()].sort(
    (a, b) => a.length - b.length,
  );
  const kept: Prefix[] = [];
  for (const prefix of shortestFirst) {
    if (!kept.some((outer) => prefixContains(outer, prefix))) kept.push(prefix);
  }
  return kept;
}

/** False for a selector that no packet fits: ports of a protocol that has none, ICMP types of one that is not ICMP. */
function canMatch(selector: Selector): boolean {
  const { protocol } = selector;
  if (hasPorts(selector) && hasIcmp(selector)) return false;
  if (protocol === null) return true;
  if (hasPorts(selector)) return PORT_PROTOCOLS.includes(protocol);
  return !hasIcmp(selector) || protocol === ICMP_PROTOCOL[selector.local.address.family];
}

function isAddressOnly(selector: Selector): boolean {
  return selector.protocol === null && !hasPorts(selector) && !hasIcmp(selector);
}

function hasPorts(selector: Selector): boolean {
  return selector.localPorts !== null || selector.remotePorts !== null;
}

function hasIcmp(selector: Selector): boolean {
  return selector.icmpType !== null || selector.icmpCode !== null;
}

function refuseMixedFamilies(entry: SpdEntry, selector: Selector): void {
  if (selector.local.address.family !== selector.remote.address.family) {
    throw new HostError(
      'CONFIG_INVALID',
      `SPD entry ${JSON.stringify(entry.name)}: local and remote of a selector must both be IPv4 or both IPv6, found ${formatSelector(selector)}`,
    );
  }
}
