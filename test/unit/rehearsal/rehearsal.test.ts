import { randomFillSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Rehearsal } from '../../../host/rehearsal/rehearsal.ts';
import { RehearsedNetwork } from '../../../host/rehearsal/rehearsed-network.ts';
import { rehearsedProposals } from '../../../host/rehearsal/rehearsed-server.ts';

const random = (octets: number): Uint8Array => randomFillSync(new Uint8Array(octets));

describe('a rehearsal', () => {
  it('carries a packet of every content, family and proposal each way, and ends', () => {
    const rounds = 3 * 2 * 2 * rehearsedProposals.length;
    const rehearsal = new Rehearsal(random, rounds);
    let played = 1;
    while (rehearsal.play() === 1) played++;
    expect(played).toBe(rounds);
    expect(rehearsal.isOver).toBe(true);
    expect(rehearsal.play()).toBe(0);
  });

  it('notices a packet that does not arrive', () => {
    const network = new RehearsedNetwork(random);
    network.carry(0);
    network.close();
    expect(() => network.carry(1)).toThrow(/did not arrive as it was/);
  });
});
