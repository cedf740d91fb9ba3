/** OpenVPN in user space, from point to point, each end known to the other by its certificate's fingerprint. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../../host/model/host-error.ts';
import type { Site } from '../../lab/topology-plan.ts';
import type { Stage } from '../stage.ts';
import type { Entrant } from './contestant.ts';

const cipher = 'AES-128-GCM';
const upWithinMs = 30_000;
const tunnelAddresses = ['10.255.0.1', '10.255.0.2'] as const;

export const openvpn: Entrant = {
  name: 'openvpn aes128gcm',
  side: 'openvpn',
  start: async (stage) => {
    const [a, b] = stage.sites;
    const certificates = [makeCertificate(stage, a), makeCertificate(stage, b)] as const;
    const ends = [
      await start(stage, a, b, certificates[0], certificates[1], 0),
      await start(stage, b, a, certificates[1], certificates[0], 1),
    ];
    for (const { pid, logFile } of ends) await untilUp(pid, logFile);
    return { pids: ends.map(({ pid }) => pid) };
  },
};

interface Certificate {
  readonly key: string;
  readonly file: string;
  readonly fingerprint: string;
}

function makeCertificate(stage: Stage, { name }: Site): Certificate {
  const [key, file] = [stage.place.path(`${name}.key`), stage.place.path(`${name}.crt`)];
  openssl([
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', key, '-out', file, '-days', '2', '-subj', `/CN=${name}`],
  ]);
  const said = openssl(['x509', '-in', file, '-noout', '-fingerprint', '-sha256']);
  return { key, file, fingerprint: said.trim().split('=')[1] ?? '' };
}

function openssl(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new HostError('PLATFORM', `openssl ${args[0]} failed: ${stderr.trim()}`);
  return stdout;
}

async function start(
  stage: Stage,
  here: Site,
  there: Site,
  own: Certificate,
  other: Certificate,
  end: 0 | 1,
) {
  const [network = ''] = there.network.split('/');
  return await stage.processes.start(here.name, `openvpn-${here.name}`, [
    ...['openvpn', '--dev', 'tun', '--proto', 'udp', '--port', '1194', '--local', here.wanAddress],
    ...['--remote', there.wanAddress, '1194', end === 0 ? '--tls-server' : '--tls-client'],
    ...(end === 0 ? ['--dh', 'none'] : []),
    ...['--cert', own.file, '--key', own.key, '--peer-fingerprint', other.fingerprint],
    ...['--data-ciphers', cipher, '--cipher', cipher],
    ...['--ifconfig', tunnelAddresses[end], tunnelAddresses[1 - end] ?? ''],
    ...['--route', network, '255.255.255.0'],
  ]);
}

async function untilUp(pid: number, logFile: string): Promise<void> {
  const deadline = performance.now() + upWithinMs;
  while (!readFileSync(logFile, 'utf8').includes('Initialization Sequence Completed')) {
    if (performance.now() > deadline)
      throw new HostError('PLATFORM', `openvpn (${pid}) is not up: ${logFile}`);
    await sleep(100);
  }
}
