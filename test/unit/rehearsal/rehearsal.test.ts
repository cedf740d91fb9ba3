import { randomFillSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rehearsePackets } from '../../../host/dataplane/rehearsal.ts';
import { rehearseRouter } from '../../../host/router/rehearsal.ts';
import { rehearseServer } from '../../../host/server/rehearsal.ts';

const random = (octets: number): Uint8Array => randomFillSync(new Uint8Array(octets));

describe('a rehearsal', () => {
  it('of the packet path holds, seals and opens without a difference', () => {
    expect(() => rehearsePackets(random)).not.toThrow();
  });

  it('of a router really installs SAs, one pair a round', () => {
    expect(rehearseRouter(random)).toBe(40);
  });

  it('of the server really issues SAs, one pair a round', () => {
    expect(rehearseServer(random)).toBe(40);
  });
});
