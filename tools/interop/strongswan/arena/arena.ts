/**
 * The network of one conversation: a namespace for strongSwan, one for our end, and between them a link or a NAT, behind
 * which the initiator is. Built for each conversation and removed after it, so that nothing of one reaches the next.
 */
import { insideNamespace, namespacePrefix, removeNamespaces, runCommand } from '../../../lab/namespaces.ts';
import type { Role } from '../matrix/combination.ts';

export type Network = 'direct' | 'nat';

/** Documentation addresses (RFC 5737); the same ones in every arena, each of which is a world of its own. */
export const responderAddress = '192.0.2.2';
const outsideAddress = '192.0.2.1';
const insideAddress = '10.77.0.2';
const natInsideAddress = '10.77.0.1';

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

  private constructor(lab: string, name: string, network: Network) {
    this.#lab = `${lab}-${name}`;
    this.#prefix = namespacePrefix(lab);
    this.strongswan = `${name}-strongswan`;
    this.sekisho = `${name}-sekisho`;
    this.#nat = `${name}-nat`;
    this.seenAddress = outsideAddress;
    this.initiatorAddress = network === 'nat' ? insideAddress : outsideAddress;
  }

  /**
   * Builds the arena called `name` of the lab.
   *
   * @throws HostError PLATFORM with the failing command
   */
  static build(lab: string, name: string, network: Network, role: Role): Arena {
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
        runCommand(
          insideNamespace(prefix + namespace, ['ip', '-batch', '-']),
          `address add ${address}/24 dev ${device}\nlink set ${device} up\n`,
        );
      }
    };
    add(arena.strongswan);
    add(arena.sekisho);
    const leadOut = (namespace: string, ...hop: readonly string[]) =>
      runCommand(insideNamespace(prefix + namespace, ['ip', 'route', 'add', 'default', ...hop]));
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
