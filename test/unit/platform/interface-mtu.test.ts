/** The MTU of an interface, as the process's own network namespace has it. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { interfaceMtu } from '../../../host/platform/path-mtu.ts';
import { describeWith } from '../../requirements.ts';

describe('the MTU of an interface', () => {
  it('is known for the loopback, and an error for an interface that is not there', () => {
    expect(interfaceMtu('lo')).toBeGreaterThanOrEqual(16_384);
    expect(() => interfaceMtu('nowhere0')).toThrow(/no interface nowhere0/);
  });
});

describeWith(['network namespaces', 'iproute2'], 'the MTU of an interface', () => {
  it('is that of the own network namespace, whatever /sys shows', () => {
    const module = new URL('../../../host/platform/path-mtu.ts', import.meta.url).href;
    const ask = `import('${module}').then((m) => console.log(m.interfaceMtu('only-here0')))`;
    const script = `ip link add only-here0 mtu 1377 type veth peer name other0 && exec "$0" -e "$1"`;
    const output = execFileSync('unshare', ['-n', 'sh', '-c', script, process.execPath, ask], {
      encoding: 'utf8',
    });
    expect(output.trim()).toBe('1377');
  });
});
