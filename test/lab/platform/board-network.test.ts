/** Addresses and routes of a board, in a network namespace of this process's children: what is not wanted any more goes, the rest stays. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeWith } from '../../requirements.ts';

const module = fileURLToPath(new URL('../../../host/platform/board-network.ts', import.meta.url));

/** Applies plans one after the other, and prints what `ip` says at the end. */
function after(...plans: object[]): string {
  const script = `
    import { applyNetwork } from ${JSON.stringify(module)};
    for (const plan of ${JSON.stringify(plans)}) applyNetwork(plan);`;
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    [
      ...['-n', 'sh', '-ec'],
      'ip link add wan0 type veth peer name lan0; ip link set wan0 up; ip link set lan0 up; ip address add 198.51.100.1/24 dev lan0; ' +
        'ip route add 203.0.113.0/24 via 198.51.100.9; "$0" --input-type=module -e "$1"; ' +
        'ip -o address show scope global; ip -4 route; ip -6 route',
      ...[process.execPath, script],
    ],
    { encoding: 'utf8' },
  );
  expect(`${status} ${stderr}`).toBe('0 ');
  return stdout;
}

const plan = (addresses: string[], routes: { to: string; via: string; family: 4 | 6 }[]) => ({
  addresses: { wan0: addresses },
  routes,
});

describeWith(['root', 'network namespaces', 'iproute2'], "a board's network", () => {
  it('is as the settings say, whatever it was before, and leaves what is of others', () => {
    const found = after(
      plan(['192.0.2.1/24', '192.0.2.2/24'], [{ to: '10.3.0.0/16', via: '192.0.2.9', family: 4 }]),
      plan(
        ['192.0.2.2/24', '2001:db8::1/64'],
        [
          { to: 'default', via: '192.0.2.8', family: 4 },
          { to: '10.4.0.7/32', via: '192.0.2.8', family: 4 },
          { to: '2001:db8:5::/48', via: '2001:db8::9', family: 6 },
        ],
      ),
    );
    for (const wanted of [
      /192\.0\.2\.2\/24/,
      /2001:db8::1\/64/,
      /default via 192\.0\.2\.8 dev wan0/,
      /10\.4\.0\.7 via 192\.0\.2\.8/,
      /2001:db8:5::\/48 via 2001:db8::9/,
      /198\.51\.100\.1\/24/,
      /203\.0\.113\.0\/24 via 198\.51\.100\.9/,
    ])
      expect(found).toMatch(wanted);
    expect(found).not.toMatch(/192\.0\.2\.1\/24|10\.3\.0\.0/);
  });
});
