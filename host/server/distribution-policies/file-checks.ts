/**
 * What must hold across the whole policy file: names that are unique and known, networks that do not overlap, policies
 * that can apply. It also looks at files with mistakes elsewhere, so that all of them are listed at once; parts that did
 * not parse are passed over.
 */
import { formatPrefix, type Prefix, prefixContains } from '../../model/prefix.ts';
import type { Selector } from '../../model/selector.ts';
import type { PolicyDraft } from './policy-schema.ts';
import { PolicySet, pairKey } from './policy-set.ts';

/** Where, and what is wrong there. */
export interface FileMistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The parts looked at, each undefined where it did not parse. */
export interface CheckedFile {
  readonly routers: readonly (CheckedRouter | undefined)[];
  readonly policies: readonly (CheckedPolicy | undefined)[];
  /** The server has a certificate, and authorities that it trusts. */
  readonly hasCertificate: boolean;
  readonly hasAuthorities: boolean;
}

export interface CheckedRouter {
  readonly name: string;
  readonly networks: readonly (Prefix | undefined)[];
  readonly proposals: readonly string[] | undefined;
  readonly routerProves: 'preSharedKey' | 'certificate';
  readonly serverProves: 'preSharedKey' | 'certificate';
}

export interface CheckedPolicy {
  readonly kind: string;
  readonly between: readonly [string, string];
  readonly proposal: string;
  readonly selectors: readonly Selector[] | undefined;
}

const WILDCARD = '*';

/** Every mistake across the file. */
export function fileMistakes(file: CheckedFile): FileMistake[] {
  return [
    ...duplicateRouters(file),
    ...missingCertificates(file),
    ...overlappingNetworks(file),
    ...unknownRouters(file),
    ...duplicateKinds(file),
    ...uselessPolicies(file),
  ];
}

function duplicateRouters({ routers }: CheckedFile): FileMistake[] {
  const seen = new Map<string, number>();
  return routers.flatMap((router, index) => {
    if (router === undefined) return [];
    const before = seen.get(router.name);
    if (before === undefined) {
      seen.set(router.name, index);
      return [];
    }
    return [{ path: ['routers', index, 'name'], message: `routers[${before}] is called ${router.name} too` }];
  });
}

/** Certificates that a router's credential counts on. */
function missingCertificates({ routers, hasCertificate, hasAuthorities }: CheckedFile): FileMistake[] {
  return routers.flatMap((router, index) => {
    const missing = (end: 'router' | 'server', field: string): FileMistake => ({
      path: ['routers', index, 'credential', end],
      message: `certificate needs server.certificate.${field}`,
    });
    return [
      ...(router?.routerProves === 'certificate' && !hasAuthorities ? [missing('router', 'caFile')] : []),
      ...(router?.serverProves === 'certificate' && !hasCertificate
        ? [missing('server', 'certificateFile')]
        : []),
    ];
  });
}

/** Sorted by first address, shorter prefixes first, a prefix stands right after those that hold it. */
function overlappingNetworks({ routers }: CheckedFile): FileMistake[] {
  const placed = routers.flatMap((router, index) =>
    (router?.networks ?? []).flatMap((prefix, place) =>
      prefix === undefined ? [] : [{ prefix, index, place, name: router?.name ?? '' }],
    ),
  );
  placed.sort(
    (a, b) =>
      a.prefix.address.family - b.prefix.address.family ||
      Buffer.compare(a.prefix.address.octets, b.prefix.address.octets) ||
      a.prefix.length - b.prefix.length,
  );
  const holding: typeof placed = [];
  const mistakes: FileMistake[] = [];
  for (const network of placed) {
    while (
      holding.length > 0 &&
      !prefixContains(holding[holding.length - 1]?.prefix ?? network.prefix, network.prefix)
    ) {
      holding.pop();
    }
    const other = holding.find((one) => one.index !== network.index);
    if (other !== undefined) {
      const [earlier, later] = other.index < network.index ? [other, network] : [network, other];
      mistakes.push({
        path: ['routers', later.index, 'networks', later.place],
        message: `${formatPrefix(later.prefix)} overlaps ${formatPrefix(earlier.prefix)} of router ${earlier.name}`,
      });
    }
    holding.push(network);
  }
  return mistakes;
}

function unknownRouters({ routers, policies }: CheckedFile): FileMistake[] {
  const names = new Set(routers.map((router) => router?.name));
  return policies.flatMap((policy, index) =>
    (policy?.between ?? []).flatMap((name, end) =>
      name === WILDCARD || names.has(name)
        ? []
        : [
            {
              path: ['distributionPolicies', index, 'between', end],
              message: `there is no router ${name} in routers`,
            },
          ],
    ),
  );
}

function duplicateKinds({ policies }: CheckedFile): FileMistake[] {
  const seen = new Map<string, number>();
  return policies.flatMap((policy, index) => {
    if (policy === undefined) return [];
    const key = `${pairKey(...policy.between)}|${policy.kind}`;
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, index);
      return [];
    }
    const message = `distributionPolicies[${before}] is ${policy.kind} for the same routers too`;
    return [{ path: ['distributionPolicies', index, 'kind'], message }];
  });
}

/** Policies for a pair that could never be handed out: nothing in common with the networks, or with the proposals. */
function uselessPolicies({ routers, policies }: CheckedFile): FileMistake[] {
  const enrolled = routers.flatMap((router) =>
    router === undefined
      ? []
      : [{ ...router, networks: router.networks.filter((prefix) => prefix !== undefined) }],
  );
  const set = new PolicySet(enrolled, []);
  return policies.flatMap((policy, index): FileMistake[] => {
    if (policy === undefined || policy.between.includes(WILDCARD)) return [];
    const ends = policy.between.map((name) => set.router(name));
    if (ends.some((end) => end === undefined || end.networks.length === 0)) return [];
    const [first, second] = policy.between;
    const mistakes: FileMistake[] = [];
    const draft = { ...emptyDraft, ...policy, revision: 0 };
    if (set.selectors(draft, first, second).length === 0) {
      mistakes.push({
        path: ['distributionPolicies', index, policy.selectors === undefined ? 'between' : 'selectors'],
        message: `selects nothing between the networks of ${first} and ${second}`,
      });
    }
    for (const end of ends) {
      if (end?.proposals !== undefined && !end.proposals.includes(policy.proposal)) {
        mistakes.push({
          path: ['distributionPolicies', index, 'proposal'],
          message: `${policy.proposal} is not among the proposals of router ${end.name}`,
        });
      }
    }
    return mistakes;
  });
}

/** What does not matter for the question which packets a policy selects. */
const emptyDraft: Omit<PolicyDraft, keyof CheckedPolicy> = {
  protocol: 'esp',
  mode: 'tunnel',
  lifetimeSeconds: 0,
  lifetimeOctets: undefined,
  lifetimePackets: undefined,
  esn: true,
  replayWindow: 0,
  encapsulation: 'auto',
  dscp: 'copy',
  dontFragment: 'copy',
  tfcPadding: 0,
  dummiesPerSecond: 0,
};
