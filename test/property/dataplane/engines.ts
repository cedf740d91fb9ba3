/** Engines, SAs and selectors for tests: small, with keys from a seed, and with the reference's view of the same keys. */
import { createHash } from 'node:crypto';
import { Dataplane, type DataplaneOptions } from '../../../host/dataplane/dataplane.ts';
import type { EspArrival, Outcome, SaPair } from '../../../host/dataplane/engine.ts';
import type { Capacities } from '../../../host/dataplane/memory-layout.ts';
import { type Address, parseAddress } from '../../../host/model/address.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import { parsePrefix } from '../../../host/model/prefix.ts';
import { parseProposal } from '../../../host/model/proposal.ts';
import { Secret } from '../../../host/model/secret.ts';
import type { SecurityAssociation } from '../../../host/model/security-association.ts';
import type { Selector } from '../../../host/model/selector.ts';
import type { ReferenceSa } from './reference-esp.ts';

export const smallCapacities: Capacities = {
  saPairs: 16,
  spdEntries: 16,
  spdRows: 64,
  bindingRows: 256,
  packetSlots: 8,
  packetOctets: 2048,
  heldPackets: 8,
  heldPerKey: 4,
  events: 64,
  flows: 64,
  bundles: 8,
};

export function dataplane(options: Partial<DataplaneOptions> = {}): Dataplane {
  return new Dataplane({
    random: (length) => pseudoRandom('dataplane', length),
    ...options,
    capacities: { ...smallCapacities, ...options.capacities },
  });
}

/** Octets that look random and are the same for the same seed. */
export function pseudoRandom(seed: string, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    createHash('sha256').update(`${seed} ${index}`).digest(),
  );
  return Uint8Array.from(Buffer.concat(blocks).subarray(0, length));
}

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

export function selector(local: string, remote: string, more: Partial<Selector> = {}): Selector {
  const [localPrefix, remotePrefix] = [parsePrefix(local), parsePrefix(remote)];
  if (!localPrefix.ok || !remotePrefix.ok) throw new Error(`${local} or ${remote} is no prefix`);
  return {
    local: localPrefix.value,
    remote: remotePrefix.value,
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
    ...more,
  };
}

export function protect(name: string, selectors: readonly Selector[]): SpdEntry {
  return { name, selectors, action: 'PROTECT', requestPeer: 'peer' };
}

export interface SaOptions extends Partial<Omit<SecurityAssociation, 'keys' | 'direction'>> {
  readonly local?: string;
  readonly remote?: string;
}

/** An SA whose keys follow from its SPI alone, so that two engines or the reference can have both ends of it. */
export function sa(
  direction: 'inbound' | 'outbound',
  spi: number,
  options: SaOptions = {},
): SecurityAssociation {
  const { local = '192.0.2.1', remote = '192.0.2.2', ...more } = options;
  const proposal = options.proposal ?? 'aes128gcm16';
  const keys = keyOctets(spi, proposal);
  return {
    direction,
    spi,
    protocol: 'esp',
    mode: 'tunnel',
    proposal,
    keys: {
      encryptionKey: new Secret(keys.encryptionKey),
      authenticationKey: new Secret(keys.authenticationKey),
      salt: new Secret(keys.salt),
    },
    esn: false,
    replayWindow: 64,
    encapsulation: 'udp',
    localAddress: address(local),
    peer: { address: address(remote), port: 4500 },
    localPort: 4500,
    selectors: [selector('10.1.0.0/16', '10.2.0.0/16')],
    soft: { seconds: 80, octets: undefined, packets: undefined },
    hard: { seconds: 100, octets: undefined, packets: undefined },
    dscp: 'copy',
    dontFragment: 'copy',
    ...more,
  };
}

function keyOctets(spi: number, keyword: string) {
  const proposal = parseProposal(keyword);
  if (!proposal.ok) throw new Error(proposal.message);
  return {
    encryptionKey: pseudoRandom(`encryption ${spi}`, proposal.value.encryptionKeyOctets),
    authenticationKey: pseudoRandom(`authentication ${spi}`, proposal.value.authenticationKeyOctets),
    salt: pseudoRandom(`salt ${spi}`, proposal.value.saltOctets),
  };
}

/** The same SA for the reference. */
export function referenceSa(spi: number, options: SaOptions = {}): ReferenceSa {
  const proposal = options.proposal ?? 'aes128gcm16';
  return { proposal, spi, esn: options.esn ?? false, ...keyOctets(spi, proposal) };
}

export function pair(
  inboundSpi: number,
  outboundSpi: number,
  options: SaOptions = {},
  more: Partial<SaPair> = {},
): SaPair {
  return {
    entry: 'to-b',
    kind: 'all',
    precedence: 0,
    precedents: [],
    inbound: sa('inbound', inboundSpi, options),
    outbound: sa('outbound', outboundSpi, options),
    deliver: 'network',
    ...more,
  };
}

/** An engine with the entry `to-b` for 10.1/16 to 10.2/16 and one pair in use. */
export function engineWithPair(options: SaOptions = {}, engine = dataplane()): Dataplane {
  const selectors = options.selectors ?? [selector('10.1.0.0/16', '10.2.0.0/16')];
  engine.change(
    { spd: [protect('to-b', selectors)], install: [{ pair: pair(0x1001, 0x2002, options), use: true }] },
    0,
  );
  return engine;
}

/** ESP as it arrives from the peer of `sa`. */
export function arrival(esp: Uint8Array, more: Partial<EspArrival> = {}): EspArrival {
  return {
    esp,
    from: { address: address('192.0.2.2'), port: 4500 },
    to: address('192.0.2.1'),
    encapsulation: 'udp',
    tos: 0,
    ...more,
  };
}

export function reason(outcome: Outcome): string {
  return outcome.kind === 'dropped' ? outcome.reason : outcome.kind;
}

export function sent(outcome: Outcome): Extract<Outcome, { kind: 'send' }> {
  if (outcome.kind !== 'send') throw new Error(`expected a packet to send, found ${reason(outcome)}`);
  return outcome;
}

export function delivered(outcome: Outcome): Uint8Array {
  if (outcome.kind !== 'deliver') throw new Error(`expected a delivered packet, found ${reason(outcome)}`);
  return outcome.packet;
}
