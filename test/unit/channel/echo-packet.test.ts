import { describe, expect, it } from 'vitest';
import { echoRequest, isReplyTo, turnRound } from '../../../host/channel/echo-packet.ts';
import { innerAddress } from '../../../host/channel/inner-address.ts';

const here = innerAddress('tokyo');
const there = innerAddress('_echo');
const payload = Uint8Array.from({ length: 32 }, (_, index) => index);
const request = () => echoRequest(here, there, 0x1234, 7, payload);

describe('an echo request', () => {
  it('is IPv6 with ICMPv6 and a right checksum (RFC 4443 sections 2.3 and 4.1)', () => {
    const packet = request();
    expect([...packet.subarray(0, 8)]).toEqual([0x60, 0, 0, 0, 0, 40, 58, 64]);
    expect([...packet.subarray(40, 42)]).toEqual([128, 0]);
    let sum = 58 + 40;
    for (let at = 8; at < packet.length; at += 2) sum += ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    expect(sum).toBe(0xffff);
  });

  it('comes back as a reply of the same length, which is told from any other', () => {
    const reply = turnRound(request(), here, there) ?? new Uint8Array();
    expect(reply).toHaveLength(request().length);
    expect(isReplyTo(reply, there, here, 0x1234, payload)).toBe(true);
    expect(isReplyTo(reply, there, here, 0x1235, payload)).toBe(false);
    expect(isReplyTo(reply, here, there, 0x1234, payload)).toBe(false);
    expect(
      isReplyTo(
        reply,
        there,
        here,
        0x1234,
        payload.map((octet) => octet ^ 1),
      ),
    ).toBe(false);
  });

  it('is turned round only as it is: not with an octet changed, cut or added, not from another address, not a reply', () => {
    for (let at = 0; at < request().length; at++) {
      // Traffic class, flow label and hop limit are nobody's business.
      if ([0, 1, 2, 3, 7].includes(at)) continue;
      const packet = request();
      packet[at] = (packet[at] ?? 0) ^ 0x41;
      expect(turnRound(packet, here, there), `octet ${at}`).toBeUndefined();
    }
    for (let length = 0; length < request().length; length++)
      expect(turnRound(request().subarray(0, length), here, there)).toBeUndefined();
    expect(turnRound(Uint8Array.of(...request(), 0), here, there)).toBeUndefined();
    expect(turnRound(request(), innerAddress('osaka'), there)).toBeUndefined();
    expect(turnRound(turnRound(request(), here, there) ?? request(), there, here)).toBeUndefined();
    expect(turnRound(echoRequest(here, there, 1, 1, new Uint8Array(1280)), here, there)).toBeUndefined();
  });
});
