/**
 * Sends the packets of a capture through one SA, by the router's own engine: the same WebAssembly, the same batches. The SA
 * is for every packet, whatever it is; there is no SPD, no server, no clock and no lifetime.
 */
import { randomFillSync } from 'node:crypto';
import { dropReasonName } from '../../firmware/abi/drop-reason.ts';
import { VERDICT_DELIVER, VERDICT_SEND } from '../../firmware/abi/verdict.ts';
import { Dataplane } from '../dataplane/dataplane.ts';
import { type Address, addressOf } from '../model/address.ts';
import type { Prefix } from '../model/prefix.ts';
import { Secret } from '../model/secret.ts';
import type { SaKeys, SecurityAssociation, Spi } from '../model/security-association.ts';
import type { Selector } from '../model/selector.ts';
import type { CapturedPacket, CaptureTime } from './pcap.ts';
import type { SaFile } from './sa-file.ts';

export interface CaptureRun {
  /** What came out, each with the time of the packet that went in. */
  readonly packets: readonly { readonly time: CaptureTime; readonly packet: Uint8Array }[];
  /** How many were left out, by reason: names of firmware/abi/drop-reason.ts, `not-ip` or `cut-short`. */
  readonly leftOut: Readonly<Record<string, number>>;
}

const packetSlots = 64;
/** The longest IPv6 packet, header included, is 65,575 octets. */
const packetOctets = 65600;

/** Seals each packet; takes the keys of `sa` over and wipes them. */
export function sealCapture(sa: SaFile, captured: readonly CapturedPacket[]): CaptureRun {
  // The pair's inbound half is never used: its key is random, its SPI the same.
  const dataplane = dataplaneWith(sa, randomKeys(sa), sa.keys);
  return runBatches(dataplane, captured, {
    set: (index, length) => dataplane.batch.setOutboundThrough(index, length, sa.spi),
    run: (count) => dataplane.runOutbound(count, 0),
    wanted: VERDICT_SEND,
  });
}

/** Opens each packet, in order, with an anti-replay window; takes the keys of `sa` over and wipes them. */
export function openCapture(sa: SaFile, captured: readonly CapturedPacket[]): CaptureRun {
  const dataplane = dataplaneWith(sa, sa.keys, randomKeys(sa));
  return runBatches(dataplane, captured, {
    set: (index, length) => dataplane.batch.setInboundWhole(index, length),
    run: (count) => dataplane.runInbound(count, 0),
    wanted: VERDICT_DELIVER,
  });
}

interface Direction {
  readonly set: (index: number, length: number) => void;
  readonly run: (count: number) => void;
  readonly wanted: number;
}

function runBatches(
  dataplane: Dataplane,
  captured: readonly CapturedPacket[],
  direction: Direction,
): CaptureRun {
  const { batch } = dataplane;
  const packets: { time: CaptureTime; packet: Uint8Array }[] = [];
  const leftOut: Record<string, number> = {};
  const leave = (reason: string): void => {
    leftOut[reason] = (leftOut[reason] ?? 0) + 1;
  };
  for (let first = 0; first < captured.length; first += packetSlots) {
    const times: CaptureTime[] = [];
    for (const { time, packet, missing } of captured.slice(first, first + packetSlots)) {
      if (packet === undefined) {
        leave(missing ?? 'not-ip');
        continue;
      }
      batch.memory.set(packet, batch.packetAddress(times.length));
      direction.set(times.length, packet.length);
      times.push(time);
    }
    direction.run(times.length);
    times.forEach((time, index) => {
      if (batch.verdict(index) === direction.wanted) packets.push({ time, packet: batch.copyPacket(index) });
      else leave(dropReasonName(batch.reason(index)));
    });
  }
  dataplane.close();
  return { packets, leftOut };
}

function dataplaneWith(sa: SaFile, inboundKeys: SaKeys, outboundKeys: SaKeys): Dataplane {
  const dataplane = new Dataplane({
    random: (length) => randomFillSync(new Uint8Array(length)),
    capacities: {
      saPairs: 2,
      spdEntries: 1,
      spdRows: 1,
      bindingRows: 64,
      packetSlots,
      bundles: 1,
      packetOctets,
      heldPackets: 1,
      heldPerKey: 1,
      events: 64,
      flows: 64,
    },
  });
  dataplane.change(
    {
      install: [
        {
          use: true,
          pair: {
            // No SPD entry: packets are sent through the pair by its SPI.
            entry: '',
            kind: '',
            precedence: 0,
            precedents: [],
            deliver: 'network',
            inbound: association(sa, 'inbound', sa.spi, inboundKeys),
            outbound: association(sa, 'outbound', sa.spi, outboundKeys),
          },
        },
      ],
    },
    0,
  );
  return dataplane;
}

function association(
  sa: SaFile,
  direction: 'inbound' | 'outbound',
  spi: Spi,
  keys: SaKeys,
): SecurityAssociation {
  // In transport mode the packet's own addresses count, and these do not.
  const { source, destination } = sa.tunnel ?? { source: anyAddress(4), destination: anyAddress(4) };
  const { sourcePort, destinationPort } = sa.udpEncapsulation ?? { sourcePort: 0, destinationPort: 0 };
  const isOutbound = direction === 'outbound';
  const unlimited = { seconds: 1e9, octets: undefined, packets: undefined };
  return {
    direction,
    spi,
    protocol: sa.protocol,
    mode: sa.mode,
    proposal: sa.proposal.keyword,
    keys,
    esn: sa.esn,
    replayWindow: 1024,
    encapsulation: sa.udpEncapsulation === undefined ? 'raw' : 'udp',
    localAddress: isOutbound ? source : destination,
    localPort: isOutbound ? sourcePort : destinationPort,
    peer: {
      address: isOutbound ? destination : source,
      port: isOutbound ? destinationPort : sourcePort,
    },
    selectors: everything,
    soft: unlimited,
    hard: unlimited,
    dscp: 'copy',
    dontFragment: 'copy',
    firstSequence: sa.sequence,
  };
}

function randomKeys(sa: SaFile): SaKeys {
  const random = (octets: number): Secret => new Secret(randomFillSync(new Uint8Array(octets)));
  return {
    encryptionKey: random(sa.proposal.encryptionKeyOctets),
    authenticationKey: random(sa.proposal.authenticationKeyOctets),
    salt: random(sa.proposal.saltOctets),
  };
}

function anyAddress(family: 4 | 6): Address {
  return addressOf(new Uint8Array(family === 4 ? 4 : 16));
}

const everything: readonly Selector[] = ([4, 6] as const).map((family): Selector => {
  const prefix: Prefix = { address: anyAddress(family), length: 0 };
  return {
    local: prefix,
    remote: prefix,
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
});
