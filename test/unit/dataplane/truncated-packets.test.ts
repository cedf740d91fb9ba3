/**
 * Genuine packets cut at every length, on both ways and in every form: each is dropped for the reason that the RFCs give,
 * computed here from the lengths alone, and changes nothing but that reason's counter.
 */
import { describe, expect, it } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { Outcome } from '../../../host/dataplane/engine.ts';
import { parseProposal } from '../../../host/model/proposal.ts';
import {
  address,
  arrival,
  reason,
  referenceSa,
  type SaOptions,
  selector,
} from '../../property/dataplane/engines.ts';
import {
  ICMP,
  ICMPV6,
  internetChecksum,
  type PacketPlan,
  packetOf,
  TCP,
  UDP,
} from '../../property/dataplane/packets.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';
import { expectDropAlone, mayChange, watchedEngine } from './memory-state.ts';

const proposals = ['chacha20poly1305', 'aes256gcm16', 'aes128-sha256', 'null-sha1'];
const outer = {
  4: { local: '192.0.2.1', remote: '192.0.2.2', any: '0.0.0.0/0' },
  6: { local: '2001:db8::1', remote: '2001:db8::2', any: '::/0' },
} as const;

const forms = proposals.flatMap((proposal) =>
  (['tunnel', 'transport'] as const).flatMap((mode) =>
    ([4, 6] as const).flatMap((family) =>
      (['udp', 'raw'] as const).map((encapsulation) => ({ proposal, mode, family, encapsulation })),
    ),
  ),
);

type Form = (typeof forms)[number];

function options(form: Form): SaOptions {
  const { local, remote, any } = outer[form.family];
  const { proposal, mode, encapsulation } = form;
  return { proposal, mode, encapsulation, local, remote, selectors: [selector(any, any)] };
}

/** An authentic packet of the form: an inner packet of the outer family, or what is behind its header. */
function sealed(form: Form): Uint8Array {
  const { local, remote } = outer[form.family];
  const payload = new Uint8Array(29).fill(0x5a);
  const inner = packetOf({ source: remote, destination: local, protocol: UDP, upper: [1, 2], payload });
  const header = form.family === 4 ? 20 : 40;
  const [text, next] =
    form.mode === 'tunnel' ? [inner, form.family === 4 ? 4 : 41] : [inner.subarray(header), UDP];
  return referenceSeal(referenceSa(0x1001, options(form)), 1n, text, next);
}

/** Around the packet what the form says, before it was cut: outer IP and perhaps UDP. */
function carried(form: Form, esp: Uint8Array): Uint8Array {
  const { local, remote } = outer[form.family];
  const udp = form.encapsulation === 'udp';
  const length = 8 + esp.length;
  const payload = udp ? Uint8Array.from([length >> 8, length & 255, 0, 0, ...esp]) : esp;
  const ends = { source: remote, destination: local };
  return udp
    ? packetOf({ ...ends, protocol: UDP, upper: [4500, 4500], payload })
    : packetOf({ ...ends, protocol: 50, payload });
}

function bare(engine: Dataplane, form: Form, esp: Uint8Array): Outcome {
  const { local, remote } = outer[form.family];
  const from = { address: address(remote), port: 4500 };
  return engine.inbound(arrival(esp, { from, to: address(local), encapsulation: form.encapsulation }), 0);
}

/** Why `length` octets from the SPI on are no packet of the proposal, where the whole has `whole`. RFC 4303 section 2. */
function expectedOf(form: Form, length: number, whole: number): string {
  const proposal = parseProposal(form.proposal);
  if (!proposal.ok) throw new Error(proposal.message);
  const { ivOctets, icvOctets, encryption } = proposal.value;
  const block = encryption === 'aes-cbc' ? 16 : 4;
  const text = length - 8 - ivOctets - icvOctets;
  if (text < block) return 'esp-too-short';
  if (text % block !== 0) return 'ciphertext-length';
  return length === whole ? 'deliver' : 'icv';
}

describe.each(forms)('$proposal in $mode mode over IPv$family, $encapsulation', (form) => {
  const esp = sealed(form);

  it('cut at every length, bare', () => {
    const engine = watchedEngine(options(form));
    for (let length = 0; length < esp.length; length++) {
      const expected = expectedOf(form, length, esp.length);
      expectDropAlone(engine, expected, () => bare(engine, form, esp.subarray(0, length)));
    }
    expect(reason(bare(engine, form, esp))).toBe('deliver');
  });

  it('cut at every length behind its outer header', () => {
    const engine = watchedEngine(options(form));
    const whole = carried(form, esp);
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      expectDropAlone(engine, 'outer-malformed', () => engine.inboundWhole(cut, 0));
    }
    expect(reason(engine.inboundWhole(whole, 0))).toBe('deliver');
  });

  it('cut at every length behind outer headers that know of it', () => {
    const engine = watchedEngine(options(form));
    for (let length = 0; length < esp.length; length++) {
      const keepalive = form.encapsulation === 'udp' && length === 1 && esp[0] === 0xff;
      const expected = keepalive ? 'keepalive' : expectedOf(form, length, esp.length);
      const cut = carried(form, esp.subarray(0, length));
      expectDropAlone(engine, expected, () => engine.inboundWhole(cut, 0));
    }
  });

  it('every octet of its integrity-protected part changed', () => {
    const engine = watchedEngine(options(form));
    for (let at = 4; at < esp.length; at++) {
      const changed = Uint8Array.from(esp);
      changed[at]! ^= 0x80;
      // A number beyond the window is no replay without ESN: the ICV decides.
      expectDropAlone(engine, 'icv', () => bare(engine, form, changed));
    }
    expect(reason(bare(engine, form, esp))).toBe('deliver');
  });
});

const out4 = { source: '10.1.0.1', destination: '10.2.0.1' };
const out6 = { source: 'fd01::1', destination: 'fd02::1' };
const chain = [0, 60, 43, 60].map((protocol, index) => ({ protocol, octets: 8 + 8 * (index & 1) }));

const outbound: [string, PacketPlan][] = [
  ['IPv4 with TCP', { ...out4, protocol: TCP, upper: [1, 2] }],
  ['IPv4 with UDP behind options', { ...out4, protocol: UDP, upper: [1, 2], options: 40 }],
  ['IPv4 with ICMP', { ...out4, protocol: ICMP, upper: [8, 0] }],
  ['IPv4 with GRE', { ...out4, protocol: 47 }],
  ['a first IPv4 fragment', { ...out4, protocol: UDP, upper: [1, 2], moreFragments: true }],
  ['a later IPv4 fragment', { ...out4, protocol: UDP, fragmentOffset: 8 }],
  ['IPv6 with UDP', { ...out6, protocol: UDP, upper: [1, 2] }],
  ['IPv6 with ICMPv6', { ...out6, protocol: ICMPV6, upper: [128, 0] }],
  ['IPv6 with TCP behind extension headers', { ...out6, protocol: TCP, upper: [1, 2], extensions: chain }],
  ['a first IPv6 fragment', { ...out6, protocol: UDP, upper: [1, 2], moreFragments: true }],
  ['a later IPv6 fragment', { ...out6, protocol: UDP, fragmentOffset: 8, moreFragments: true }],
];

/** The same packet as if its sender had made it `length` octets long. */
function shortened(packet: Uint8Array, length: number): Uint8Array {
  const cut = Buffer.from(packet.subarray(0, length));
  if (cut[0]! >> 4 === 6) {
    cut.writeUInt16BE(length - 40, 4);
    return cut;
  }
  cut.writeUInt16BE(length, 2);
  cut.writeUInt16BE(0, 10);
  cut.writeUInt16BE(internetChecksum(cut.subarray(0, (cut[0]! & 15) * 4)), 10);
  return cut;
}

/** Octets that a plan's packet must have at least: its headers, and ports or ICMP type and code where fragments have them. */
function leastLength(plan: PacketPlan): number {
  const later = (plan.fragmentOffset ?? 0) > 0;
  const needed: Readonly<Record<number, number>> = { [TCP]: 4, [UDP]: 4, [ICMP]: 2, [ICMPV6]: 2 };
  const upper = later ? 0 : (needed[plan.protocol] ?? 0);
  if (plan.source.includes('.')) return 20 + (plan.options ?? 0) + upper;
  const fragment = plan.fragmentOffset !== undefined || plan.moreFragments ? 8 : 0;
  const extensions = (plan.extensions ?? []).reduce((sum, { octets }) => sum + octets, 0);
  return 40 + extensions + fragment + upper;
}

describe.each(outbound)('%s', (_name, plan) => {
  const packet = packetOf(plan);
  const everything = { selectors: [selector('0.0.0.0/0', '0.0.0.0/0'), selector('::/0', '::/0')] };

  it('cut at every length is malformed, and stays as it was', () => {
    const engine = watchedEngine(everything);
    for (let length = 0; length < packet.length; length++) {
      const cut = packet.subarray(0, length);
      expectDropAlone(engine, 'header-malformed', () => {
        const outcome = engine.outbound(cut, 0);
        expect(outcome).toMatchObject({ packet: cut });
        return outcome;
      });
    }
    expect(reason(engine.outbound(packet, 0))).toBe('send');
  });

  it('made shorter by its sender is malformed until all its headers are there', () => {
    const engine = watchedEngine(everything);
    const header = plan.source.includes('.') ? 20 + (plan.options ?? 0) : 40;
    for (let length = header; length < packet.length; length++) {
      const cut = shortened(packet, length);
      if (length >= leastLength(plan)) expect(reason(engine.outbound(cut, 0))).toBe('send');
      else expectDropAlone(engine, 'header-malformed', () => engine.outbound(cut, 0), mayChange.nothing);
    }
  });
});
