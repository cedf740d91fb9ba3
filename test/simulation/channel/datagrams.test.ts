/** How long the datagrams of the channel's IKE are: as its settings say, behind IKE_SA_INIT, which stays in one piece. */
import { expect, it } from 'vitest';
import { certifiedWorld, hours } from './certified-world.ts';

/** IPv6 and UDP headers, and the non-ESP marker. */
const outerOctets = 40 + 8 + 4;

it.each([
  [576, 4],
  [1280, 2],
  [9000, 2],
])(
  'IKE messages fill datagrams of %i octets, so that both ends send %i for IKE_AUTH',
  (datagramOctets, sent) => {
    const world = certifiedWorld({ router: 300 * hours, server: 300 * hours }, { datagramOctets });
    world.start();
    world.pass(1);
    expect(world.router.state.state).toBe('up');
    const messages = world.ikeOctets.slice(2);
    expect(messages).toHaveLength(sent);
    expect(Math.max(...messages)).toBeLessThanOrEqual(datagramOctets - outerOctets);
    if (sent > 2) expect(Math.max(...messages)).toBeGreaterThan(datagramOctets - outerOctets - 16);
  },
);
