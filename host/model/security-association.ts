/**
 * What an SA is, on the control side: the parameters that two ends agree on (RFC 4301 section 4.4.2.1). Sequence
 * numbers, windows and octet counts live in the firmware's slot and nowhere else.
 */
import type { Address, Endpoint } from './address.ts';
import type { Secret } from './secret.ts';
import type { Selector } from './selector.ts';

/** 256..4294967295; 0..255 are reserved (RFC 4303 section 2.1). */
export type Spi = number;

/** Workers of a router, as many as the two highest bits of an SPI can tell: they say whose engine has it. */
export const maximumWorkers = 4;
export const spiWorkerShift = 30;

export type Mode = 'tunnel' | 'transport';

/** RFC 4303 and RFC 4302. */
export type SaProtocol = 'esp' | 'ah';

/** `udp` is RFC 3948 on port 4500, for ESP alone; `raw` is IP protocol 50 or 51. */
export type Encapsulation = 'udp' | 'raw';

/** `mtu` pads to what the path takes, a number to so many octets of inner packet; 0 is none. RFC 4303 section 2.7. */
export type TfcPadding = number | 'mtu';

/** Packets that may arrive out of order before the older ones count as replayed. */
export const defaultReplayWindow = 1024;

/** Keys of one direction. Whoever holds the record owns the secrets and wipes them. */
export interface SaKeys {
  readonly encryptionKey: Secret;
  /** Empty for combined-mode ciphers. */
  readonly authenticationKey: Secret;
  /** Empty where the cipher has none. */
  readonly salt: Secret;
}

/** Limits after which an SA is renewed (soft) or stops (hard); undefined is unlimited. Seconds count from installation. */
export interface Lifetime {
  readonly seconds: number;
  readonly octets: bigint | undefined;
  readonly packets: bigint | undefined;
}

/** One SA as the data plane installs it. */
export interface SecurityAssociation {
  readonly direction: 'outbound' | 'inbound';
  readonly spi: Spi;
  readonly protocol: SaProtocol;
  readonly mode: Mode;
  /** Keyword of host/model/proposal.ts. */
  readonly proposal: string;
  readonly keys: SaKeys;
  /** Extended sequence numbers, RFC 4303 section 2.2.1. */
  readonly esn: boolean;
  /** Anti-replay window of an inbound SA in packets, a power of two from 64 to 8192; 0 switches the check off. */
  readonly replayWindow: number;
  readonly encapsulation: Encapsulation;
  /** Outer addresses: of this router, and of the peer with its UDP port. */
  readonly localAddress: Address;
  readonly peer: Endpoint;
  /** UDP port that this router sends from. */
  readonly localPort: number;
  /** What may pass through: the inner packets' selectors, local being this router's side in both directions. */
  readonly selectors: readonly Selector[];
  readonly soft: Lifetime;
  readonly hard: Lifetime;
  /** DSCP of the inner header is copied outward (RFC 4301 section 5.1.2.1) unless a value is set. */
  readonly dscp: 'copy' | number;
  /** The Don't Fragment bit of the outer IPv4 header. */
  readonly dontFragment: 'copy' | 'set' | 'clear';
  /** Padding of a tunnel's payload, outbound; none unless set. */
  readonly tfcPadding?: TfcPadding;
  /** Dummies sent beside the packets, outbound; none unless set. */
  readonly dummiesPerSecond?: number;
  /** First sequence number of the SA: what outbound sends, where inbound's window begins. 1 unless a tool says otherwise. */
  readonly firstSequence?: bigint;
  /** Raise `first-authentic` when this inbound SA has accepted its first packet. */
  readonly notifyFirstAuthentic?: boolean;
}
