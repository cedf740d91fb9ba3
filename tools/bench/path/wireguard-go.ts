/** wireguard-go: WireGuard in user space, in Go. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../../host/model/host-error.ts';
import { insideNamespace, namespacePrefix, runCommand } from '../../lab/namespaces.ts';
import type { Site } from '../../lab/topology-plan.ts';
import type { Stage } from '../stage.ts';
import type { Entrant } from './contestant.ts';

const port = 51820;
/** What WireGuard's own tools set on a path of 1500 octets. */
const mtu = 1420;
const upWithinMs = 10_000;

export const wireguardGo: Entrant = {
  name: 'wireguard-go',
  side: 'wireguard-go',
  start: async (stage) => {
    const [a, b] = stage.sites;
    const keys = new Map(stage.sites.map((site) => [site, newKey()]));
    const pids = [await start(stage, a, b, keys), await start(stage, b, a, keys)];
    return { pids };
  },
};

interface Key {
  readonly secret: string;
  readonly shared: string;
}

function newKey(): Key {
  const wg = (args: string[], input = ''): string =>
    spawnSync('wg', args, { input, encoding: 'utf8' }).stdout.trim();
  const secret = wg(['genkey']);
  return { secret, shared: wg(['pubkey'], secret) };
}

/** Its control socket is named after the interface, for the whole machine. */
const interfaceOf = (stage: Stage, site: Site): string => `${stage.place.name}-${site.name}`.slice(-15);

async function start(stage: Stage, here: Site, there: Site, keys: ReadonlyMap<Site, Key>): Promise<number> {
  const device = interfaceOf(stage, here);
  const command = ['env', 'WG_PROCESS_FOREGROUND=1', 'wireguard-go', '--foreground', device];
  const { pid } = await stage.processes.start(here.name, `wireguard-go-${here.name}`, command);
  const socket = `/var/run/wireguard/${device}.sock`;
  for (const deadline = performance.now() + upWithinMs; !existsSync(socket); await sleep(50)) {
    if (performance.now() > deadline) throw new HostError('PLATFORM', `wireguard-go has no ${socket}`);
  }
  const keyFile = stage.place.path(`${device}.key`);
  writeFileSync(keyFile, keys.get(here)?.secret ?? '', { mode: 0o600 });
  const inside = (words: readonly string[]): string =>
    runCommand(insideNamespace(namespacePrefix(stage.place.name) + here.name, words));
  const peer = ['peer', keys.get(there)?.shared ?? '', 'allowed-ips', there.network];
  const endpoint = ['endpoint', `${there.wanAddress}:${port}`];
  inside(['wg', 'set', device, 'private-key', keyFile, 'listen-port', String(port), ...peer, ...endpoint]);
  inside(['ip', 'link', 'set', device, 'mtu', String(mtu), 'up']);
  inside(['ip', 'route', 'add', there.network, 'dev', device]);
  return pid;
}
