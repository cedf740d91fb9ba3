/**
 * Builds a topology plan out of namespaces and virtual links. Links carry what a cable would: real packets of at most
 * 1500 octets between the routers, so that a capture on the internet's links counts packets and not bundles of them.
 */
import type { Bridge } from './guest-wires.ts';
import { insideNamespace, namespacePrefix, runCommand } from './namespaces.ts';
import { natRules } from './nat/nat-kinds.ts';
import { applyRules } from './nft.ts';
import type { LinkEnd, TopologyPlan } from './topology-plan.ts';

/** Switches of the kernel's own forwarding; accept_dad=0 makes IPv6 addresses usable at once. */
const always = [
  'ipv4/conf/all/rp_filter=0',
  'ipv4/conf/default/rp_filter=0',
  'ipv6/conf/default/accept_dad=0',
];
const forwarding = ['ipv4/ip_forward=1', 'ipv6/conf/all/forwarding=1'];

export interface LinkOptions {
  /** Links between the routers carry bundles, as between programs of one machine; otherwise what a cable would. */
  readonly bundlesOnTheInternet?: boolean;
}

/**
 * Makes everything that the plan names; whatever was made stays for removeNamespaces() when it fails half-way.
 *
 * @throws HostError PLATFORM with the failing command
 */
export function buildTopology(lab: string, plan: TopologyPlan, links: LinkOptions = {}): void {
  const prefix = namespacePrefix(lab);
  for (const { name, forwards } of plan.namespaces) {
    runCommand(['ip', 'netns', 'add', prefix + name]);
    const settings = forwards ? [...always, ...forwarding] : always;
    const script = settings.map((setting) => {
      const [key, value] = setting.split('=');
      return `echo ${value} > /proc/sys/net/${key}`;
    });
    runCommand(insideNamespace(prefix + name, ['sh', '-ec', script.join('\n')]));
  }
  for (const [a, b] of plan.links) {
    const peer = ['peer', 'name', b.device, 'netns', prefix + b.namespace];
    runCommand(['ip', 'link', 'add', a.device, 'netns', prefix + a.namespace, 'type', 'veth', ...peer]);
  }
  for (const { name } of plan.namespaces) {
    runCommand(insideNamespace(prefix + name, ['ip', '-batch', '-']), settingsOf(plan, name).join('\n'));
  }
  for (const bridge of plan.bridges) {
    runCommand(
      insideNamespace(prefix + bridge.namespace, ['ip', '-batch', '-']),
      bridgeOf(bridge).join('\n'),
    );
  }
  for (const end of plan.links.flat()) {
    if (isOnTheInternet(end) && links.bundlesOnTheInternet !== true)
      disableBundles(prefix + end.namespace, end.device);
  }
  for (const nat of plan.nats) applyRules(lab, nat.namespace, natRules(nat));
}

/** Lines for `ip -batch`: addresses and links first, routes after them. */
function settingsOf(plan: TopologyPlan, namespace: string): string[] {
  const lines = ['link set lo up'];
  for (const end of plan.links.flat().filter((one) => one.namespace === namespace)) {
    for (const address of end.addresses) {
      lines.push(`address add ${address} dev ${end.device}${address.includes(':') ? ' nodad' : ''}`);
    }
    lines.push(`link set ${end.device} up`);
  }
  for (const route of plan.routes.filter((one) => one.namespace === namespace)) {
    lines.push(
      route.via === 'local' ? `route add local ${route.to} dev lo` : `route add ${route.to} via ${route.via}`,
    );
  }
  return lines;
}

/** Lines for `ip -batch`. The bridge has no address: nothing of the namespace's own answers or asks. */
export function bridgeOf({ device, tap }: Pick<Bridge, 'device' | 'tap'>): string[] {
  const bridge = `br-${device}`;
  return [
    `link add name ${bridge} type bridge`,
    `link set ${bridge} addrgenmode none up`,
    `tuntap add dev ${tap} mode tap`,
    ...[device, tap].map((port) => `link set ${port} addrgenmode none master ${bridge} up`),
  ];
}

function isOnTheInternet(end: LinkEnd): boolean {
  return end.device === 'wan0' || end.device === 'outside0' || end.device.startsWith('to-');
}

/** Super-packets are cut before they enter the link, and what comes in is not put together before the capture sees it. */
function disableBundles(namespace: string, device: string): void {
  const receive = device.startsWith('to-') ? 'off' : 'on';
  const features = ['tso', 'off', 'gso', 'on', 'tx-udp-segmentation', 'off', 'gro', receive];
  runCommand(insideNamespace(namespace, ['ethtool', '-K', device, ...features]));
}
