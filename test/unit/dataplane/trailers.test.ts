/**
 * Authentic packets whose trailer is wrong: every octet of the padding, every pad length, every next header. What is expected
 * is computed from the text octet by octet, as RFC 4303 section 2.4 has it.
 */
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import {
  arrival,
  delivered,
  reason,
  referenceSa,
  type SaOptions,
  selector,
} from '../../property/dataplane/engines.ts';
import { packetOf, UDP } from '../../property/dataplane/packets.ts';
import { referenceSeal, type SealOptions } from '../../property/dataplane/reference-esp.ts';
import { expectDropAlone, mayChange, watchedEngine } from './memory-state.ts';

const proposals = ['chacha20poly1305', 'aes256gcm16', 'aes128-sha256', 'null-sha1'];
const everything = [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')];
const inner = packetOf({
  source: '10.2.0.6',
  destination: '10.1.0.5',
  protocol: UDP,
  upper: [1, 2],
  payload: new Uint8Array(19),
});

/** Seals packets with rising numbers. */
class Peer {
  readonly #options: SaOptions;
  #sequence = 0n;

  constructor(options: SaOptions) {
    this.#options = options;
  }

  seal(payload: Uint8Array, nextHeader: number, more: SealOptions): Uint8Array {
    this.#sequence++;
    return referenceSeal(referenceSa(0x1001, this.#options), this.#sequence, payload, nextHeader, more);
  }
}

/** 1, 2, 3, ... */
function rightPadding(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index + 1);
}

/** Pad lengths that fill a text of the inner packet up to the cipher's block. */
function padLengths(proposal: string): number[] {
  const block = proposal.startsWith('aes128-') ? 16 : 4;
  return Array.from({ length: 256 }, (_, index) => index).filter(
    (padLength) => (inner.length + padLength + 2) % block === 0,
  );
}

function receive(engine: Dataplane, esp: Uint8Array) {
  return engine.inbound(arrival(esp), 0);
}

describe.each(proposals)('%s', (proposal) => {
  const options = { proposal, selectors: everything };

  it('takes every length of padding that is right', () => {
    const engine = watchedEngine(options);
    const peer = new Peer(options);
    for (const padLength of padLengths(proposal)) {
      const esp = peer.seal(inner, 4, { padding: rightPadding(padLength) });
      expect(Buffer.from(delivered(receive(engine, esp))).equals(inner)).toBe(true);
    }
  });

  it('drops a packet for any octet of its padding that is wrong', () => {
    const engine = watchedEngine(options);
    const peer = new Peer(options);
    for (const padLength of padLengths(proposal).filter((length, index) => index % 7 === 0 || length > 250)) {
      for (let at = 0; at < padLength; at++) {
        const padding = rightPadding(padLength);
        padding[at]! ^= 1 << (at & 7);
        const esp = peer.seal(inner, 4, { padding });
        expectDropAlone(engine, 'padding', () => receive(engine, esp), mayChange.window);
      }
    }
  });

  it('takes of all pad lengths over one text only those that its octets bear out', () => {
    const engine = watchedEngine(options);
    const peer = new Peer(options);
    const right = padLengths(proposal)[0] ?? 0;
    for (let padLength = 0; padLength < 256; padLength++) {
      const esp = peer.seal(inner, 4, { padding: rightPadding(right), padLength });
      // Less than there is leaves octets behind the packet, which are no padding (RFC 4303 section 2.7).
      const text = Uint8Array.from([...inner, ...rightPadding(right)]);
      const isRight =
        padLength <= text.length &&
        text.subarray(text.length - padLength).every((octet, index) => octet === index + 1);
      if (isRight) expect(Buffer.from(delivered(receive(engine, esp))).equals(inner)).toBe(true);
      else expectDropAlone(engine, 'padding', () => receive(engine, esp), mayChange.window);
    }
  });

  it('carries IPv4 under next header 4 alone, and drops 59 as a dummy', () => {
    const engine = watchedEngine(options);
    const peer = new Peer(options);
    for (let nextHeader = 0; nextHeader < 256; nextHeader++) {
      const esp = peer.seal(inner, nextHeader, {});
      const expected = nextHeader === 59 ? 'dummy' : 'next-header';
      if (nextHeader === 4) expect(reason(receive(engine, esp))).toBe('deliver');
      else expectDropAlone(engine, expected, () => receive(engine, esp), mayChange.window);
    }
  });

  it('gives a payload of transport mode back under every next header but 59', () => {
    const transport = { ...options, mode: 'transport' as const };
    const engine = watchedEngine(transport);
    const peer = new Peer(transport);
    for (let nextHeader = 0; nextHeader < 256; nextHeader++) {
      const esp = peer.seal(inner.subarray(20), nextHeader, {});
      if (nextHeader === 59) expectDropAlone(engine, 'dummy', () => receive(engine, esp), mayChange.window);
      else expect(delivered(receive(engine, esp))[9]).toBe(nextHeader);
    }
  });

  it('takes no version of an inner packet but the one that the next header names', () => {
    const engine = watchedEngine(options);
    const peer = new Peer(options);
    for (let version = 0; version < 16; version++) {
      const packet = Uint8Array.from(inner);
      packet[0] = (version << 4) | 5;
      for (const nextHeader of [4, 41]) {
        if (version === 4 && nextHeader === 4) continue;
        const esp = peer.seal(packet, nextHeader, {});
        // Version 6 under 41 is looked at, and says that it is longer than it is.
        const expected = version === 6 && nextHeader === 41 ? 'header-malformed' : 'next-header';
        expectDropAlone(engine, expected, () => receive(engine, esp), mayChange.window);
      }
    }
  });

  it('drops inner packets cut at every length, and changes the window alone', () => {
    const engine = watchedEngine(options);
    const peer = new Peer(options);
    for (let length = 0; length < inner.length; length++) {
      const esp = peer.seal(inner.subarray(0, length), 4, {});
      const expected = length === 0 ? 'next-header' : 'header-malformed';
      expectDropAlone(engine, expected, () => receive(engine, esp), mayChange.window);
    }
  });
});
