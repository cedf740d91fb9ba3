/**
 * Fragments of every offset and chains of extension headers in every order, as an attacker would make them to bring ports past a
 * selector: tiny first fragments, fragments that overlap the ports (RFC 1858, RFC 3128), headers that hide what follows.
 */
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { arrival, reason, referenceSa, selector } from '../../property/dataplane/engines.ts';
import { internetChecksum, type PacketPlan, packetOf, TCP, UDP } from '../../property/dataplane/packets.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';
import { expectDropAlone, mayChange, watchedEngine } from './memory-state.ts';

const everything = { selectors: [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')] };
/** UDP to and from ports 1 to 9 alone. */
const ports = { first: 1, last: 9 };
const narrow = {
  selectors: everything.selectors.map((one) => ({
    ...one,
    protocol: UDP,
    localPorts: ports,
    remotePorts: ports,
  })),
};
const ends4 = { source: '10.2.0.1', destination: '10.1.0.1' };
const ends6 = { source: 'fd02::1', destination: 'fd01::1' };
const plan4: PacketPlan = { ...ends4, protocol: UDP, upper: [1, 2] };
const plan6: PacketPlan = { ...ends6, protocol: UDP, upper: [1, 2] };
const outer = { source: '192.0.2.2', destination: '192.0.2.1' };

function withFragmentField(packet: Uint8Array, field: number): Uint8Array {
  const buffer = Buffer.from(packet);
  buffer.writeUInt16BE(field, 6);
  buffer.writeUInt16BE(0, 10);
  buffer.writeUInt16BE(internetChecksum(buffer.subarray(0, 20)), 10);
  return buffer;
}

function check(
  engine: Dataplane,
  index: number,
  expected: string,
  run: () => ReturnType<Dataplane['outbound']>,
) {
  if (expected !== 'send' && index % 251 === 0) {
    expectDropAlone(engine, expected, run, mayChange.flows);
    return;
  }
  const found = reason(run());
  if (found !== expected) expect.fail(`${index}: expected ${expected}, found ${found}`);
}

describe('IPv4 fragments of every flag and offset', () => {
  const packet = packetOf(plan4);

  it('pass where any port does; only whole ones and first ones where ports count', () => {
    const [open, closed] = [watchedEngine(everything), watchedEngine(narrow)];
    for (let field = 0; field < 65536; field++) {
      const fragment = withFragmentField(packet, field);
      // RFC 4301 section 7: a later fragment has no ports, so it is no packet of a selector that has.
      const later = (field & 0x1fff) !== 0;
      check(open, field, 'send', () => open.outbound(fragment, 0));
      check(closed, field, later ? 'no-spd-entry' : 'send', () => closed.outbound(fragment, 0));
    }
  });

  it('are refused in transport mode', () => {
    const engine = watchedEngine({ ...everything, mode: 'transport' });
    for (let field = 0; field < 65536; field++) {
      const isWhole = (field & 0x3fff) === 0;
      const fragment = withFragmentField(packet, field);
      check(engine, field, isWhole ? 'send' : 'transport-fragment', () => engine.outbound(fragment, 0));
    }
  });

  it('are no carrier of ESP', () => {
    const engine = watchedEngine(everything);
    const esp = referenceSeal(referenceSa(0x1001), 1n, packet, 4);
    const carried = packetOf({ ...outer, protocol: 50, payload: esp });
    expect(reason(engine.inboundWhole(carried, 0))).toBe('deliver');
    for (let field = 0; field < 65536; field++) {
      const isWhole = (field & 0x3fff) === 0;
      const fragment = withFragmentField(carried, field);
      check(engine, field, isWhole ? 'replay' : 'outer-fragment', () => engine.inboundWhole(fragment, 0));
    }
  });

  it('come out of a tunnel only where the selectors have no ports', () => {
    const engine = watchedEngine({ ...narrow, replayWindow: 0 });
    for (let field = 0; field < 65536; field += 61) {
      const esp = referenceSeal(referenceSa(0x1001), 1n, withFragmentField(packet, field), 4);
      const receive = () => engine.inbound(arrival(esp), 0);
      if ((field & 0x1fff) === 0) expect(reason(receive())).toBe('deliver');
      else expectDropAlone(engine, 'selector-mismatch', receive, mayChange.window);
    }
  });

  it('that are first and too short for their ports are malformed, at every length', () => {
    const engine = watchedEngine(everything);
    for (const protocol of [TCP, UDP, 132, 33, 136]) {
      for (let length = 0; length < 8; length++) {
        const tiny = packetOf({ ...ends4, protocol, payload: new Uint8Array(length), moreFragments: true });
        if (length >= 4) expect(reason(engine.outbound(tiny, 0))).toBe('send');
        else expectDropAlone(engine, 'header-malformed', () => engine.outbound(tiny, 0));
      }
    }
  });
});

/** Extension headers that the engine walks, and how RFC 8200 section 4 reads a chain of them. */
const kinds = [0, 43, 60, 135, 139, 140];
const FRAGMENT = 44;
const MOST = 8;

function chainsOf(length: number): number[][] {
  if (length === 0) return [[]];
  return chainsOf(length - 1).flatMap((chain) => kinds.map((kind) => [...chain, kind]));
}

function chained(chain: readonly number[], octets = 8): Uint8Array {
  return packetOf({ ...plan6, extensions: chain.map((protocol) => ({ protocol, octets })) });
}

describe('IPv6 extension headers', () => {
  it('are walked to the ports in every order of up to four', () => {
    const engine = watchedEngine(narrow);
    for (let length = 0; length <= 4; length++) {
      for (const chain of chainsOf(length)) {
        expect(reason(engine.outbound(chained(chain), 0)), chain.join()).toBe('send');
        const other = chained(chain);
        // The source port, which the selector does not have.
        other[40 + 8 * length] = 0x80;
        expect(reason(engine.outbound(other, 0)), chain.join()).toBe('no-spd-entry');
      }
    }
  });

  it('of every length of chain: eight are walked, nine are too many, in both directions', () => {
    const engine = watchedEngine(everything);
    for (const kind of kinds) {
      for (let length = 0; length <= 40; length++) {
        const packet = chained(new Array<number>(length).fill(kind));
        const esp = referenceSeal(referenceSa(0x1001), BigInt(kind * 64 + length + 1), packet, 41);
        const receive = () => engine.inbound(arrival(esp), 0);
        if (length <= MOST) {
          expect(reason(engine.outbound(packet, 0))).toBe('send');
          expect(['deliver', 'replay']).toContain(reason(receive()));
          continue;
        }
        expectDropAlone(engine, 'extension-headers', () => engine.outbound(packet, 0));
        if (kind === 0) expectDropAlone(engine, 'extension-headers', receive, mayChange.window);
      }
    }
  });

  it('cut anywhere, with the payload length that fits, are malformed until the ports are there', () => {
    const engine = watchedEngine(everything);
    const whole = Buffer.from(chained([0, 60, 43, 60, 135], 24));
    for (let length = 40; length < whole.length; length++) {
      const cut = Buffer.from(whole.subarray(0, length));
      cut.writeUInt16BE(length - 40, 4);
      if (length >= 40 + 5 * 24 + 4) expect(reason(engine.outbound(cut, 0))).toBe('send');
      else expectDropAlone(engine, 'header-malformed', () => engine.outbound(cut, 0));
    }
  });

  it('hide nothing behind a later fragment, wherever its header stands, and of every offset', () => {
    const engine = watchedEngine(narrow);
    for (let place = 0; place <= 3; place++) {
      const chain = [60, 43, 60];
      chain.splice(place, 0, FRAGMENT);
      for (let field = 0; field < 65536; field += 7) {
        const packet = Buffer.from(chained(chain));
        packet.fill(0, 42 + 8 * place, 48 + 8 * place);
        packet.writeUInt16BE(field, 42 + 8 * place);
        const later = field >> 3 !== 0;
        check(engine, field, later ? 'no-spd-entry' : 'send', () => engine.outbound(packet, 0));
      }
    }
  });

  it('that stand twice as fragment headers make a later fragment if either is one', () => {
    const engine = watchedEngine(narrow);
    for (const [first, second] of [
      [0, 0],
      [1, 0],
      [0, 8],
      [1, 8],
      [8, 0],
    ] as const) {
      const packet = Buffer.from(chained([FRAGMENT, FRAGMENT]));
      packet.fill(0, 42, 48).fill(0, 50, 56);
      packet.writeUInt16BE(first, 42);
      packet.writeUInt16BE(second, 50);
      const later = first >= 8 || second >= 8;
      expect(reason(engine.outbound(packet, 0)), `${first} ${second}`).toBe(later ? 'no-spd-entry' : 'send');
    }
  });
});
