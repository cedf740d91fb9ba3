import { describe, expect, it } from 'vitest';
import { innerAddress } from '../../../host/channel/inner-address.ts';
import { unwrapInnerPacket, wrapInnerPacket } from '../../../host/channel/inner-packet.ts';
import { formatAddress } from '../../../host/model/address.ts';

const tokyo = innerAddress('tokyo');
const server = innerAddress('server');
const payload = Uint8Array.from({ length: 33 }, (_, index) => index * 7);

describe('an inner address', () => {
  it('is a unique local address that depends on the identity alone', () => {
    expect(formatAddress(tokyo)).toMatch(/^fd53:656b:6973:686f:/);
    expect(innerAddress('tokyo')).toEqual(tokyo);
    expect(server).not.toEqual(tokyo);
  });
});

describe('an inner packet', () => {
  it('gives its payload back', () => {
    const packet = wrapInnerPacket(tokyo, server, 4510, payload);
    expect(unwrapInnerPacket(packet, tokyo, server, 4510)).toEqual({ ok: true, value: payload });
  });

  it('is refused when any octet was changed, except the few that no check covers', () => {
    const packet = wrapInnerPacket(tokyo, server, 4510, payload);
    // Traffic class, flow label and hop limit may change on the way.
    const free = new Set([0, 1, 2, 3, 7]);
    for (let index = 0; index < packet.length; index++) {
      if (free.has(index)) continue;
      const changed = Uint8Array.from(packet);
      changed[index] = (changed[index] ?? 0) ^ 0x01;
      expect(unwrapInnerPacket(changed, tokyo, server, 4510).ok, `octet ${index}`).toBe(false);
    }
  });

  it('is refused at every truncation', () => {
    const packet = wrapInnerPacket(tokyo, server, 4510, payload);
    for (let length = 0; length < packet.length; length++) {
      expect(unwrapInnerPacket(packet.subarray(0, length), tokyo, server, 4510).ok).toBe(false);
    }
  });
});
