/**
 * The first packet with IKEv2: Debian's strongSwan in a guest with Debian's kernel and its ESP, slowed like ours, makes an IKE SA by
 * modp1536 and its CHILD SA for a packet that the kernel holds against it. The other end is charon in a namespace, which
 * is fast. Times are the guest's own, between two lines of charon's log.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostError } from '../../../host/model/host-error.ts';
import { firstFileSystem } from '../../interop/linux-kernel/first-file-system.ts';
import { GuestShell } from '../../interop/linux-kernel/guest-shell.ts';
import { fetchKernel } from '../../interop/linux-kernel/kernel-package.ts';
import { charonCommand } from '../../interop/strongswan/arena/charon.ts';
import { charonPrograms } from '../../interop/strongswan/arena/guest-charon.ts';
import { sectionText } from '../../interop/strongswan/arena/settings-text.ts';
import { endOf, tapOf } from '../../lab/guest-wires.ts';
import { namespacePrefix } from '../../lab/namespaces.ts';
import { repository } from '../../lab/processes.ts';
import type { Site } from '../../lab/topology-plan.ts';
import { Guest, pc } from '../../qemu-runner/guest.ts';
import type { Stage } from '../stage.ts';
import { startCharon } from '../strongswan.ts';
import { bootWithinMs, slowly } from './slow-machine.ts';

const setUps = 9;
const setUpWithinMs = 120_000;
const keyExchange = 'modp1536';
const connection = 'headline';
const plugins = 'openssl random nonce aes sha1 sha2 hmac kdf gmp vici socket-default kernel-netlink';

/** Starts both ends and measures; milliseconds of each set-up. Throws HostError. */
export async function measureIkev2(stage: Stage, progress: (line: string) => void): Promise<number[]> {
  const [tokyo, osaka] = stage.sites;
  const secret = randomBytes(32).toString('base64url');
  await startCharon(stage, osaka.name, configuration(osaka, tokyo, secret, 'none'));
  progress('IKEv2: the guest boots, which takes minutes');
  const guest = await startGuest(stage, configuration(tokyo, osaka, secret, 'trap'));
  try {
    const shell = await GuestShell.of(guest, bootWithinMs);
    const run = (line: string, withinMs = setUpWithinMs): Promise<string> => shell.run(line, withinMs);
    const { addresses } = endOf(stage.plan, tokyo.name, 'unprotected');
    const gateway = stage.plan.routes.find(
      ({ namespace, to }) => namespace === tokyo.name && to === 'default',
    )?.via;
    await run(`ip link set lo up; ip link set eth0 up; ip addr add ${addresses[0]} dev eth0`);
    await run(`/sbin/ip addr add ${tokyo.hostAddress}/32 dev lo; ip route add default via ${gateway}`);
    await run(`mkdir -p /run /var/run /tmp; ${charonCommand} </dev/null >/tmp/charon.out 2>&1 &`);
    await run('until [ -S /run/charon.vici ]; do usleep 100000; done', bootWithinMs);
    await run('swanctl --load-all --noprompt', bootWithinMs);
    const times: number[] = [];
    for (let turn = 1; turn <= setUps; turn++) {
      progress(`IKEv2: set-up ${turn} of ${setUps}`);
      await run(`ping -c 1 -W 1 -I ${tokyo.hostAddress} ${osaka.hostAddress} >/dev/null; true`);
      await run(
        `until [ $(grep -c 'CHILD_SA ${connection}.*established' /tmp/charon.log) -ge ${turn} ]; do usleep 200000; done`,
      );
      times.push(setUpTime(await run('cat /tmp/charon.log')));
      await run(`swanctl --terminate --ike ${connection} >/dev/null`);
    }
    return times;
  } catch (cause) {
    throw new HostError('PLATFORM', `strongSwan in a guest: ${String(cause)}`, { cause });
  } finally {
    await guest.cutPower();
  }
}

function startGuest({ place }: Stage, connections: string): Promise<Guest> {
  const folder = join(repository, 'build/debian');
  mkdirSync(folder, { recursive: true });
  const kernel = fetchKernel(folder);
  const files = firstFileSystem(kernel, {
    modules: ['xfrm_algo'],
    programs: [...charonPrograms(plugins.split(' ')), '/usr/sbin/swanctl'],
    files: { 'etc/strongswan.conf': charonSettings, 'etc/swanctl/swanctl.conf': connections },
  });
  const initialFileSystem = place.path('charon-guest.cpio');
  writeFileSync(initialFileSystem, files);
  return Guest.start({
    ...{ machine: pc, memoryMebibytes: 256, kernel: kernel.image, initialFileSystem },
    macAddress: '52:54:00:53:01:01',
    cable: { kind: 'tap', interface: tapOf('unprotected') },
    namespace: `${namespacePrefix(place.name)}tokyo`,
    more: slowly,
  });
}

const charonSettings = sectionText({
  charon: {
    load_modular: 'no',
    load: plugins,
    plugins: { vici: { socket: 'unix:///run/charon.vici' } },
    filelog: {
      log: { path: '/tmp/charon.log', default: 1, time_format: '%s', time_add_ms: 'yes', flush_line: 'yes' },
    },
  },
  swanctl: {
    load: 'random nonce',
    plugins: { vici: { socket: 'unix:///run/charon.vici' } },
    socket: 'unix:///run/charon.vici',
  },
});

function configuration(here: Site, there: Site, secret: string, start: 'trap' | 'none'): string {
  return sectionText({
    connections: {
      [connection]: {
        version: 2,
        local_addrs: here.wanAddress,
        remote_addrs: there.wanAddress,
        proposals: `aes128-sha1-${keyExchange}`,
        local: { auth: 'psk', id: here.name },
        remote: { auth: 'psk', id: there.name },
        children: {
          [connection]: {
            local_ts: here.network,
            remote_ts: there.network,
            esp_proposals: 'aes128-sha1',
            start_action: start,
          },
        },
      },
    },
    secrets: { 'ike-headline': { secret: `"${secret}"` } },
  });
}

/** From the kernel's word that a packet waits to the CHILD SA, of the last set-up in charon's log. */
export function setUpTime(log: string): number {
  const last = (pattern: RegExp): number => {
    const line = log.split('\n').findLast((one) => pattern.test(one));
    return 1000 * Number(/^(\d+\.\d+)/.exec(line ?? '')?.[1] ?? Number.NaN);
  };
  return last(/CHILD_SA .* established/) - last(/creating acquire job/);
}
