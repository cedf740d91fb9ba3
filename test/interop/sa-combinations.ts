/** Every form that an SA can have: all proposals that Scapy knows x tunnel or transport x IPv4 or IPv6 x ESN x UDP encapsulation. */
import { createHash } from 'node:crypto';
import { proposalsOf } from '../../host/model/proposal.ts';
import type { SaJson } from './witnesses.ts';

export interface Combination {
  readonly name: string;
  /** Family of the packets that go through it. */
  readonly family: 4 | 6;
  readonly sa: SaJson;
}

/** Octets that look random and differ with every label, so that no two SAs share a key. */
function hexOf(label: string, octets: number): string {
  return createHash('shake256', { outputLength: octets }).update(label).digest('hex');
}

function tunnelOf(name: string): { readonly source: string; readonly destination: string } {
  // Outer and inner family vary independently.
  return Number.parseInt(hexOf(name, 1), 16) % 2 === 0
    ? { source: '192.0.2.1', destination: '192.0.2.2' }
    : { source: '2001:db8:f::1', destination: '2001:db8:f::2' };
}

const flags = [false, true];

/** All of them. With ESN, numbers pass from one half of the sequence space's high word to the next. */
export const combinations: readonly Combination[] = proposalsOf('esp')
  .filter(({ encryption }) => encryption !== 'aes-gmac')
  .flatMap((proposal) =>
    (['tunnel', 'transport'] as const).flatMap((mode) =>
      ([4, 6] as const).flatMap((family) =>
        flags.flatMap((esn) =>
          flags.map((udp): Combination => {
            const words = [
              proposal.keyword,
              mode,
              `IPv${family}`,
              esn ? 'ESN' : '32-bit',
              udp ? 'UDP' : 'raw',
            ];
            const name = words.join(' ');
            const sa: SaJson = {
              protocol: 'esp',
              mode,
              proposal: proposal.keyword,
              spi: `0x${hexOf(`spi ${name}`, 4)}`,
              encryptionKey: hexOf(`encryption ${name}`, proposal.encryptionKeyOctets),
              ...(proposal.authenticationKeyOctets > 0
                ? { authenticationKey: hexOf(`authentication ${name}`, proposal.authenticationKeyOctets) }
                : {}),
              ...(proposal.saltOctets > 0 ? { salt: hexOf(`salt ${name}`, proposal.saltOctets) } : {}),
              esn,
              sequence: esn ? '0x2fffffff8' : '1',
              ...(mode === 'tunnel' ? { tunnel: tunnelOf(name) } : {}),
              ...(udp ? { udpEncapsulation: { sourcePort: 4500, destinationPort: 4500 } } : {}),
            };
            return { name, family, sa };
          }),
        ),
      ),
    ),
  );
