/**
 * ESP packets through the data plane as a router runs it: where an ICV or a padding is wrong. Both classes of a subject are dropped
 * for the same reason, because what becomes of a packet anybody may see. NULL encryption (RFC 2410), so that the padding is
 * where it is put; the check of it is the same for every algorithm.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { DROP_ICV, DROP_PADDING } from '../../../firmware/abi/drop-code.ts';
import { Dataplane } from '../../../host/dataplane/dataplane.ts';
import { parseAddress } from '../../../host/model/address.ts';
import { parsePrefix } from '../../../host/model/prefix.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { SecurityAssociation } from '../../../host/model/security-association.ts';
import { Stretch, type Subject } from '../subject.ts';

const spi = 0x1000;
const now = 0;
const headerOctets = 8;
const icvOctets = 16;
/** Payload, padding, pad length and next header. */
const textOctets = 240;
const packetOctets = headerOctets + textOctets + icvOctets;
const padLength = 200;
/** RFC 4303 section 2.4: pad length and next header end the text. */
const padLengthAt = headerOctets + textOctets - 2;
const padding = padLengthAt - padLength;
const ipv4 = 4;

const authenticationKey = randomBytes(32);

function parsedValue<T>(parsed: { readonly ok: true; readonly value: T } | { readonly ok: false }): T {
  if (!parsed.ok) throw new TypeError('expected an address, found none');
  return parsed.value;
}

function association(direction: SecurityAssociation['direction']): SecurityAssociation {
  const unlimited = { seconds: 0x7fffffff, octets: undefined, packets: undefined };
  const everything = parsedValue(parsePrefix('0.0.0.0/0'));
  return {
    direction,
    spi: direction === 'inbound' ? spi : spi + 1,
    protocol: 'esp',
    mode: 'tunnel',
    proposal: 'null-sha256',
    keys: {
      encryptionKey: new Secret(new Uint8Array(0)),
      authenticationKey: new Secret(Uint8Array.from(authenticationKey)),
      salt: new Secret(new Uint8Array(0)),
    },
    esn: false,
    // Packets are run again and again.
    replayWindow: 0,
    encapsulation: 'udp',
    localAddress: parsedValue(parseAddress('192.0.2.1')),
    peer: { address: parsedValue(parseAddress('192.0.2.2')), port: 4500 },
    localPort: 4500,
    selectors: [
      {
        local: everything,
        remote: everything,
        protocol: null,
        localPorts: null,
        remotePorts: null,
        icmpType: null,
        icmpCode: null,
      },
    ],
    soft: unlimited,
    hard: unlimited,
    dscp: 'copy',
    dontFragment: 'copy',
  };
}

function engineWithPair(): Dataplane {
  const engine = new Dataplane({ random: (length) => randomBytes(length) });
  const [inbound, outbound] = [association('inbound'), association('outbound')];
  engine.change(
    {
      spd: [{ name: 'all', selectors: inbound.selectors, action: 'PROTECT', requestPeer: 'peer' }],
      install: [
        {
          pair: {
            entry: 'all',
            kind: 'all',
            precedence: 0,
            precedents: [],
            inbound,
            outbound,
            deliver: 'network',
          },
          use: true,
        },
      ],
    },
    now,
  );
  const addresses = Uint8Array.of(192, 0, 2, 2, 192, 0, 2, 1);
  engine.batch.setInbound(0, packetOctets, 4, true, addresses, 0, 4500, 4, 0);
  return engine;
}

const engine = engineWithPair();
const { batch } = engine;
const { memory } = batch;

/** @param spoil makes a right packet one of the class; the ICV fits what `before` makes, not what `after` does */
function refusal(
  name: string,
  classes: Subject['classes'],
  reason: number,
  spoil: { readonly before?: (packet: Uint8Array, second: boolean) => void; readonly after?: typeof flipIcv },
): Subject {
  const stretch = new Stretch(batch.packetAddress(0));
  const packet = memory.subarray(stretch.part(packetOctets), batch.packetAddress(0) + packetOctets);
  const view = new DataView(memory.buffer, packet.byteOffset, packetOctets);
  return {
    name,
    classes,
    memory,
    stretch,
    // A refused packet stays as it is, so the calls are alike; making one takes longer than all of them.
    calls: 4,
    prepare(second) {
      view.setUint32(0, spi);
      view.setUint32(4, 1);
      for (let index = 0; index < padLength; index++) packet[padding + index] = index + 1;
      packet[padLengthAt] = padLength;
      packet[padLengthAt + 1] = ipv4;
      spoil.before?.(packet, second);
      const covered = packet.subarray(0, packetOctets - icvOctets);
      const icv = createHmac('sha256', authenticationKey).update(covered).digest();
      packet.set(icv.subarray(0, icvOctets), packetOctets - icvOctets);
      spoil.after?.(packet, second);
    },
    call: () => engine.runInbound(1, now),
    didAsMeant: () => batch.reason(0) === reason,
  };
}

function flipIcv(packet: Uint8Array, second: boolean): void {
  const octet = packetOctets - (second ? 1 : icvOctets);
  packet[octet] = (packet[octet] ?? 0) ^ 1;
}

function spoilFirstOrLast(packet: Uint8Array, second: boolean): void {
  packet[padding + (second ? padLength - 1 : 0)] = 0;
}

function overstateOrSpoilLast(packet: Uint8Array, second: boolean): void {
  if (second) packet[padding + padLength - 1] = 0;
  else packet[padLengthAt] = 255;
}

export const packetSubjects: readonly Subject[] = [
  refusal('ESP, wrong ICV', ['first octet wrong', 'last octet wrong'], DROP_ICV, { after: flipIcv }),
  refusal('ESP, wrong padding', ['first octet wrong', 'last octet wrong'], DROP_PADDING, {
    before: spoilFirstOrLast,
  }),
  refusal('ESP, pad length', ['longer than stands there', 'last octet wrong'], DROP_PADDING, {
    before: overstateOrSpoilLast,
  }),
];
