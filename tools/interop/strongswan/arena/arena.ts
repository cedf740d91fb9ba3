/**
 * The network of one conversation: a namespace for strongSwan, one for our end, and between them a link or a NAT, behind
 * which the initiator is. Built for each conversation and removed after it, so that nothing of one reaches the next.
 */
import { insideNamespace, namespacePrefix, removeNamespaces, runCommand } from '../../../lab/namespaces.ts';
import { bridgeOf } from '../../../lab/topology.ts';
import type { Combination } from '../matrix/combination.ts';

export type Network = 'direct' | 'nat';

/** Documentation addresses (RFC 5737); the same ones in every arena, each of which is a world of its own. */
export const responderAddress = '192.0.2.2';
const outsideAddress = '192.0.2.1';
const insideAddress = '10.77.0.2';
const natInsideAddress = '10.77.0.1';

/**
 * A guest's port, in strongSwan's namespace. The guest has the addresses on the link then, and is a router to the namespace, over
 * another network on the same wire.
 */
export const guestPort = {
  tap: 'tap-wan0',
  namespace: { 4: '10.78.0.1', 6: '2001:db8:78::1' },
  guest: { 4: '10.78.0.2', 6: '2001:db8:78::2' },
  lengths: { 4: 24, 6: 64 },
} as const;

/** Loss of addresses after a link came up (duplicate detection) and of packets (reverse path) would be noise here. */
const kernelSettings = [
  'echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter',
  'echo 0 > /proc/sys/net/ipv4/conf/default/rp_filter',
  'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad',
  'ip link set lo up',
].join('\n');

/** Another port for each flow, as routers at home do it (RFC 4787: address- and port-dependent mapping). */
const natRules = `table ip nat {
  chain post {
    type nat hook postrouting priority srcnat
    oifname outside0 masquerade random
  }
}
`;

export class Arena {
  readonly #lab: string;
  /** Of the names of its namespaces. */
  readonly #prefix: string;
  /** Namespaces of the arena's processes, as Processes.start wants them. */
  readonly strongswan: string;
  readonly sekisho: string;
  readonly #nat: string;
  /** Where the initiator sends from, and where the responder sees it. */
  readonly initiatorAddress: string;
  readonly seenAddress: string;
  /** The initiator's way to the responder: a next hop, or undefined on a plain link. */
  readonly initiatorGateway: string | undefined;

  private constructor(lab: string, name: string, network: Network) {
    this.#lab = `${lab}-${name}`;
    this.#prefix = namespacePrefix(lab);
    this.strongswan = `${name}-strongswan`;
    this.sekisho = `${name}-sekisho`;
    this.#nat = `${name}-nat`;
    this.seenAddress = outsideAddress;
    this.initiatorAddress = network === 'nat' ? insideAddress : outsideAddress;
    this.initiatorGateway = network === 'nat' ? natInsideAddress : undefined;
  }

  /**
   * Builds the arena called `name` of the lab.
   *
   * @throws HostError PLATFORM with the failing command
   */
  static build(
    lab: string,
    name: string,
    {
      role,
      network = 'direct',
      strongswanIn = 'namespace',
    }: Pick<Combination, 'role' | 'network' | 'strongswanIn'>,
  ): Arena {
    const arena = new Arena(lab, name, network);
    arena.remove();
    const prefix = arena.#prefix;
    const [initiator, responder] =
      role === 'initiator' ? [arena.strongswan, arena.sekisho] : [arena.sekisho, arena.strongswan];
    const add = (namespace: string) => {
      runCommand(['ip', 'netns', 'add', prefix + namespace]);
      runCommand(insideNamespace(prefix + namespace, ['sh', '-ec', kernelSettings]));
    };
    const link = (
      a: string,
      deviceA: string,
      addressA: string,
      b: string,
      deviceB: string,
      addressB: string,
    ) => {
      const peer = ['peer', 'name', deviceB, 'netns', prefix + b];
      runCommand(['ip', 'link', 'add', deviceA, 'netns', prefix + a, 'type', 'veth', ...peer]);
      for (const [namespace, device, address] of [
        [a, deviceA, addressA],
        [b, deviceB, addressB],
      ] as const) {
        const lines =
          strongswanIn === 'guest' && namespace === arena.strongswan
            ? guestPortLines(device)
            : [`address add ${address}/24 dev ${device}`, `link set ${device} up`];
        runCommand(insideNamespace(prefix + namespace, ['ip', '-batch', '-']), lines.join('\n'));
      }
    };
    add(arena.strongswan);
    add(arena.sekisho);
    const leadOut = (namespace: string, ...hop: readonly string[]) => {
      if (strongswanIn === 'guest') return; // it sets its own
      runCommand(insideNamespace(prefix + namespace, ['ip', 'route', 'add', 'default', ...hop]));
    };
    if (network === 'direct') {
      link(initiator, 'wan0', outsideAddress, responder, 'wan0', responderAddress);
      leadOut(initiator, 'dev', 'wan0');
      return arena;
    }
    add(arena.#nat);
    link(initiator, 'wan0', insideAddress, arena.#nat, 'inside0', natInsideAddress);
    link(arena.#nat, 'outside0', outsideAddress, responder, 'wan0', responderAddress);
    leadOut(initiator, 'via', natInsideAddress);
    runCommand(
      insideNamespace(prefix + arena.#nat, ['sh', '-ec', 'echo 1 > /proc/sys/net/ipv4/ip_forward; nft -f -']),
      natRules,
    );
    return arena;
  }

  /** What goes before a command, so that it runs in that namespace. */
  inside(namespace: string): string[] {
    return insideNamespace(this.namespaceOf(namespace), []);
  }

  /** Its name on this machine. */
  namespaceOf(namespace: string): string {
    return this.#prefix + namespace;
  }

  /** Runs a command in one of the namespaces and returns what it printed. @throws HostError PLATFORM */
  run(namespace: string, ...command: readonly string[]): string {
    return runCommand(insideNamespace(this.#prefix + namespace, command));
  }

  /** The same with a text that the command reads on stdin. */
  feed(namespace: string, input: string, ...command: readonly string[]): string {
    return runCommand(insideNamespace(this.#prefix + namespace, command), input);
  }

  /** Kills what still runs in it, and removes it. */
  remove(): void {
    removeNamespaces(this.#lab);
  }
}

/** Lines for `ip -batch`: a TAP interface gets the frames of `device`, and the namespace an address behind the guest. */
function guestPortLines(device: string): string[] {
  const { tap, namespace, lengths } = guestPort;
  return [
    `link set ${device} up`,
    ...bridgeOf({ device, tap }),
    `address add ${namespace[4]}/${lengths[4]} dev br-${device}`,
    `address add ${namespace[6]}/${lengths[6]} dev br-${device} nodad`,
  ];
}
