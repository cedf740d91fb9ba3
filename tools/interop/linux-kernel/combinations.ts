/** Every form of a pair of SAs that the kernel and our engine both have. */
import { createHash } from 'node:crypto';
import { type Proposal, proposalsOf } from '../../../host/model/proposal.ts';

export interface Combination {
  readonly name: string;
  readonly protocol: 'esp' | 'ah';
  readonly proposal: Proposal;
  readonly mode: 'tunnel' | 'transport';
  /** Family of the packets that go through it; in tunnel mode the other family may carry them. */
  readonly family: 4 | 6;
  readonly outerFamily: 4 | 6;
  readonly esn: boolean;
  readonly udp: boolean;
  /** The kernel's anti-replay window. */
  readonly replayWindow: number;
}

const flags = [false, true];
const replayWindows = [32, 64, 128, 1024, 4096];

/** All of them, ESP before AH, in the order of preference of the proposals. */
export const combinations: readonly Combination[] = (['esp', 'ah'] as const).flatMap((protocol) =>
  proposalsOf(protocol)
    // The kernel's AH takes hashes alone (net/ipv4/ah4.c).
    .filter(({ encryption }) => protocol === 'esp' || encryption === 'null')
    .flatMap((proposal) =>
      (['tunnel', 'transport'] as const).flatMap((mode) =>
        ([4, 6] as const).flatMap((family) =>
          flags.flatMap((esn) =>
            (protocol === 'esp' ? flags : [false]).map((udp) =>
              combinationOf(protocol, proposal, mode, family, esn, udp),
            ),
          ),
        ),
      ),
    ),
);

function combinationOf(
  protocol: 'esp' | 'ah',
  proposal: Proposal,
  mode: 'tunnel' | 'transport',
  family: 4 | 6,
  esn: boolean,
  udp: boolean,
): Combination {
  const words = [
    protocol,
    proposal.keyword,
    mode,
    `IPv${family}`,
    esn ? 'ESN' : '32-bit',
    udp ? 'UDP' : 'raw',
  ];
  const name = words.join(' ');
  // What need not be tried with everything goes with something, the same in each run.
  const [first = 0, second = 0] = octetsOf(name, 2);
  const outerFamily = mode === 'transport' || first % 2 === 0 ? family : family === 4 ? 6 : 4;
  const replayWindow = replayWindows[second % replayWindows.length] ?? 32;
  return { name, protocol, proposal, mode, family, outerFamily, esn, udp, replayWindow };
}

/** Octets that look random and differ with every label, so that no two SAs share a key. */
export function octetsOf(label: string, count: number): Uint8Array {
  return createHash('shake256', { outputLength: count }).update(label).digest();
}
