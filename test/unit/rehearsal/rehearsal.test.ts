import { randomFillSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rehearse } from '../../../host/rehearsal/rehearse.ts';
import { RehearsedNetwork } from '../../../host/rehearsal/rehearsed-network.ts';

const random = (octets: number): Uint8Array => randomFillSync(new Uint8Array(octets));

describe('a rehearsal', () => {
  it('carries a packet of every content, family and proposal each way', () => {
    // 36 rounds: the least that has them all together.
    expect(() => rehearse(random, 36)).not.toThrow();
  });

  it('notices a packet that does not arrive', () => {
    const network = new RehearsedNetwork(random);
    network.carry(0);
    network.close();
    expect(() => network.carry(1)).toThrow(/did not arrive as it was/);
  });
});
