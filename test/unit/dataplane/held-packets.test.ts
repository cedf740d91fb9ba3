/** Packets that wait for an SA: nothing is lost, nothing comes twice, and the bounds hold. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../host/dataplane/engine.ts';
import {
  arrival,
  dataplane,
  delivered,
  pair,
  protect,
  reason,
  referenceSa,
  selector,
} from '../../property/dataplane/engines.ts';
import { packetOf, TCP, UDP } from '../../property/dataplane/packets.ts';
import { referenceOpen, referenceSeal } from '../../property/dataplane/reference-esp.ts';

const network = selector('10.1.0.0/16', '10.2.0.0/16');

function outboundPacket(port: number, protocol = UDP): Uint8Array {
  return packetOf({ source: '10.1.0.1', destination: '10.2.0.1', protocol, upper: [port, 2] });
}

function inboundPacket(port: number): Uint8Array {
  return packetOf({ source: '10.2.0.1', destination: '10.1.0.1', protocol: UDP, upper: [port, 2] });
}

function esp(sequence: number): Uint8Array {
  return referenceSeal(referenceSa(0x1001), BigInt(sequence), inboundPacket(sequence), 4);
}

function waiting(capacities = {}) {
  const engine = dataplane({ capacities });
  engine.change({ spd: [protect('to-b', [network])], reserve: [0x1001] }, 0);
  return engine;
}

/** The source port of a packet that was sent or delivered: which packet it is. */
function identity(outcome: Outcome): string {
  const inner =
    outcome.kind === 'send' ? referenceOpen(referenceSa(0x2002), outcome.esp)!.payload : delivered(outcome);
  return `${outcome.kind} ${Buffer.from(inner).readUInt16BE(20)}`;
}

describe('held packets', () => {
  it('go on in order of arrival, both directions, once', () => {
    const engine = waiting();
    expect(engine.outbound(outboundPacket(1), 0)).toEqual({ kind: 'held' });
    expect(engine.inbound(arrival(esp(2)), 0)).toEqual({ kind: 'held' });
    expect(engine.outbound(outboundPacket(3), 0)).toEqual({ kind: 'held' });
    expect(engine.inbound(arrival(esp(4)), 0)).toEqual({ kind: 'held' });
    expect(engine.snapshot(0).heldPackets).toBe(4);
    engine.change({ install: [{ pair: pair(0x1001, 0x2002), use: true }] }, 0);
    expect(engine.releaseHeld('to-b', 0).map(identity)).toEqual([
      'send 1',
      'deliver 2',
      'send 3',
      'deliver 4',
    ]);
    expect(engine.snapshot(0).heldPackets).toBe(0);
    expect(engine.releaseHeld('to-b', 0)).toEqual([]);
  });

  it('are the same octets that came, whatever ran meanwhile', () => {
    const engine = waiting();
    const first = outboundPacket(7);
    engine.outbound(first, 0);
    for (let port = 100; port < 130; port++) engine.inbound(arrival(outboundPacket(port)), 0);
    expect(engine.dropHeld('to-b')).toEqual([first]);
  });

  it('make room at the bound of their key, oldest first, without touching other keys', () => {
    const engine = waiting();
    for (let sequence = 1; sequence <= 3; sequence++) engine.inbound(arrival(esp(sequence)), 0);
    for (let port = 1; port <= 6; port++) engine.outbound(outboundPacket(port), 0);
    expect(engine.drops()['held-overflow']).toBe(2n);
    engine.change({ install: [{ pair: pair(0x1001, 0x2002), use: true }] }, 0);
    expect(engine.releaseHeld('to-b', 0).map(identity)).toEqual([
      'deliver 1',
      'deliver 2',
      'deliver 3',
      'send 3',
      'send 4',
      'send 5',
      'send 6',
    ]);
  });

  it('make room in a full pool, oldest of all first', () => {
    const engine = waiting({ heldPackets: 3 });
    engine.inbound(arrival(esp(1)), 0);
    for (let port = 2; port <= 4; port++) engine.outbound(outboundPacket(port), 0);
    engine.change({ install: [{ pair: pair(0x1001, 0x2002), use: true }] }, 0);
    expect(engine.releaseHeld('to-b', 0).map(identity)).toEqual(['send 2', 'send 3', 'send 4']);
    expect(engine.drops()['held-overflow']).toBe(1n);
  });

  it('stay held, and are asked for again, when the SA that came is for others', () => {
    const engine = waiting();
    engine.outbound(outboundPacket(1, TCP), 0);
    engine.outbound(outboundPacket(2), 0);
    expect(engine.drainEvents()).toHaveLength(1);
    const tcp = { selectors: [selector('10.1.0.0/16', '10.2.0.0/16', { protocol: TCP })] };
    engine.change({ install: [{ pair: pair(0x1001, 0x2002, tcp), use: true }] }, 0);
    expect(engine.releaseHeld('to-b', 0).map(reason)).toEqual(['send', 'held']);
    expect(engine.drainEvents()).toMatchObject([
      { kind: 'acquire', entry: 'to-b', packet: { localPort: 2 } },
    ]);
    expect(engine.snapshot(0).heldPackets).toBe(1);
  });

  it('are handed back for ICMP errors when the setting failed, and counted', () => {
    const engine = waiting();
    const packets = [1, 2, 3].map((port) => outboundPacket(port));
    for (const packet of packets) engine.outbound(packet, 0);
    expect(engine.dropHeld('to-b')).toEqual(packets);
    expect(engine.drops()['held-abandoned']).toBe(3n);
    expect(engine.dropHeld('to-b')).toEqual([]);
    expect(engine.dropHeld('nowhere')).toEqual([]);
    expect(engine.releaseHeld('nowhere', 0)).toEqual([]);
  });

  it('go with the SPI that is released, and with the entry that is removed', () => {
    const engine = waiting();
    engine.inbound(arrival(esp(1)), 0);
    engine.outbound(outboundPacket(1), 0);
    engine.change({ release: [0x1001] }, 0);
    expect(engine.snapshot(0).heldPackets).toBe(1);
    expect(reason(engine.inbound(arrival(esp(2)), 0))).toBe('spi-unknown');
    engine.change({ spd: [] }, 0);
    expect(engine.snapshot(0).heldPackets).toBe(0);
    expect(engine.drops()['held-abandoned']).toBe(2n);
  });
});
