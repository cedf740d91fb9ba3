/**
 * The messages of the setting protocol as values (docs/protocol.md has the sequence diagrams, protocol.cddl the wire
 * form). They travel as UDP datagrams inside the channel, so the sender is already authenticated.
 *
 * In every message `source` is the router at this end of the channel, whichever way the message goes, and `peer` the
 * other router of the pair; a message that is about no pair leaves `peer` and `kind` empty.
 */
import type { Endpoint } from '../model/address.ts';
import type { Secret } from '../model/secret.ts';
import type { Encapsulation, Mode, SaProtocol, Spi, TfcPadding } from '../model/security-association.ts';
import type { PacketSelector, Selector } from '../model/selector.ts';
import type { VersionUpStanding } from '../model/version-up.ts';

/** The version spoken; the server also accepts the one before, once there is one. */
export const protocolVersion = 1;

/** UDP port of the setting protocol on the inner addresses. */
export const settingPort = 4510;

/** 64 random bits as 16 lower-case hex digits: the identity of a request, never reused, not even after a restart. */
export type MessageId = string;

/** What every message carries. */
export interface Envelope {
  readonly id: MessageId;
  readonly source: string;
  readonly peer: string;
  /** Name of the distribution policy; empty in a request whose kind the server has yet to find. */
  readonly kind: string;
}

/** Router to server, at its start and on a new channel. `boot` is random at each start of the router's process. */
export interface Hello extends Envelope {
  readonly type: 'hello';
  readonly boot: MessageId;
  /** Proposal keywords that this router's firmware has. */
  readonly proposals: readonly string[];
  readonly software: string;
}

/** Answer to `hello`, with the same id. */
export interface Welcome extends Envelope {
  readonly type: 'welcome';
  /** Milliseconds since 1970-01-01 UTC on the server's wall clock. */
  readonly timeMs: number;
}

/** Router to server: asks for an SA pair with `peer`. Repeated with the same id and SPI until it is answered. */
export interface Request extends Envelope {
  readonly type: 'request';
  /** The SPI on which this router wants to receive. */
  readonly spi: Spi;
  /** Which of the pairs that the two routers may have side by side for this traffic; 0 for a router with one worker. */
  readonly lane: number;
  /** The SPD entry's selectors, seen from this router. */
  readonly selectors: readonly Selector[];
  /** The packet that made it ask; null on a renewal and in answer to a startup. Decides the kind. */
  readonly packet: PacketSelector | null;
  /** The startup's id that this request answers, otherwise null. */
  readonly startupId: MessageId | null;
}

/** Server to router: the request is known and the peer was asked; `kind` is now the policy's. */
export interface Pending extends Envelope {
  readonly type: 'pending';
}

/** Server to router: ask me for `kind` with `peer`. The id is that of the requester's request. */
export interface RequestStartup extends Envelope {
  readonly type: 'request-startup';
  /** That of the requester's request. */
  readonly lane: number;
  /** The requester's selectors as this router sees them (mirrored), already narrowed to the policy. */
  readonly selectors: readonly Selector[];
  /** The packet that made the requester ask, mirrored: it decides the SPD entry here. Null on a renewal. */
  readonly packet: PacketSelector | null;
}

/** Keys of one SA on the wire; decoding copies them out of the datagram, and the holder wipes them. */
export interface DistributedSa {
  readonly spi: Spi;
  readonly encryptionKey: Secret;
  readonly authenticationKey: Secret;
  readonly salt: Secret;
}

/** The part of a distribution policy that the ends need. */
export interface DistributedPolicy {
  readonly revision: number;
  readonly protocol: SaProtocol;
  readonly mode: Mode;
  readonly proposal: string;
  readonly esn: boolean;
  readonly replayWindow: number;
  readonly encapsulation: Encapsulation;
  readonly dscp: 'copy' | number;
  readonly dontFragment: 'copy' | 'set' | 'clear';
  readonly tfcPadding: TfcPadding;
  readonly dummiesPerSecond: number;
  /** Octets and packets of each SA after which it stops; null is unlimited. */
  readonly lifetimeOctets: bigint | null;
  readonly lifetimePackets: bigint | null;
}

/** Selectors of a kind that goes before this one in the server's order for the pair. */
export interface Precedent {
  readonly kind: string;
  readonly precedence: number;
  readonly selectors: readonly Selector[];
}

/** Server to router: policy, both SAs and keys. The id is that of this router's request. */
export interface Distribution extends Envelope {
  readonly type: 'distribution';
  readonly policy: DistributedPolicy;
  readonly outbound: DistributedSa;
  readonly inbound: DistributedSa;
  /** Whole seconds until the hard lifetime, counted when the message was sent. */
  readonly remainingSeconds: number;
  /** What the SA pair is for, seen from this router: both requests, the policy and both routers' networks intersected. */
  readonly selectors: readonly Selector[];
  /** Place of this kind among the pair's policies; lower goes first. */
  readonly precedence: number;
  /** The kinds before this one: their packets are not for this SA. */
  readonly precedents: readonly Precedent[];
  /** The peer's address and UDP port as the server sees them. */
  readonly peerEndpoint: Endpoint;
}

/** Router to server: both SAs of the distribution with this id are in place. */
export interface Installed extends Envelope {
  readonly type: 'installed';
}

/** Server to router: both ends have it, the keys are wiped here. */
export interface BothInstalled extends Envelope {
  readonly type: 'both-installed';
}

/** Server to router: there is no distribution policy for `selectors` of this pair. */
export interface NoCorrespondingEntry extends Envelope {
  readonly type: 'no-corresponding-entry';
  readonly reason: string;
  /** How far the refusal reaches: all of the request's selectors, or those of its packet alone. */
  readonly selectors: readonly Selector[];
}

/** Server to router: the peer never asked, although it was told to. */
export interface NoResponse extends Envelope {
  readonly type: 'no-response';
  readonly reason: string;
}

/** Server to router: the request cannot be served, for `reason`. */
export interface Refused extends Envelope {
  readonly type: 'refused';
  readonly reason: string;
}

/** Server to router: id or SPI clash with what the server has; these are this router's (id, SPI) for the pair. */
export interface ContentsInconsistent extends Envelope {
  readonly type: 'contents-inconsistent';
  readonly entries: readonly { readonly id: MessageId; readonly spi: Spi }[];
}

/** Server to router: delete these requests and SAs now, pending ones too. The envelope's id names this withdrawal. */
export interface Withdraw extends Envelope {
  readonly type: 'withdraw';
  readonly ids: readonly MessageId[];
  readonly reason: string;
}

/** Router to server: the withdrawal with this id is done. */
export interface Withdrawn extends Envelope {
  readonly type: 'withdrawn';
}

/** Server to router: `peer` is now seen at another address. */
export interface EndpointMoved extends Envelope {
  readonly type: 'endpoint';
  readonly endpoint: Endpoint;
}

/** Router to server: something the server may act on or an operator may want to see. */
export interface Report extends Envelope {
  readonly type: 'report';
  readonly what: ReportKind;
  /** The SPI concerned; 0 where there is none. */
  readonly spi: Spi;
  /** Where a bad SPI's packet came from, port 0 for raw ESP and AH; null otherwise. */
  readonly from: Endpoint | null;
  readonly count: number;
}

export type ReportKind =
  | 'bad-spi'
  | 'sa-deleted'
  | 'no-spd-entry'
  | 'selectors-disjoint'
  /** Both ends have the SAs, and not one packet of the peer ever came: the id is the request's, as with `sa-deleted`. */
  | 'no-path'
  /** The SA worked, and now only sends; likewise. */
  | 'unanswered';

/** Server to router: bring yourself to this version. Repeated until a report says that the router has heard it. */
export interface Upgrade extends Envelope {
  readonly type: 'upgrade';
  readonly version: string;
  /** Where the release is; empty is where the router's own settings say. Trust comes from its signatures, never from here. */
  readonly url: string;
}

/**
 * Router to server, after each `welcome` and whenever it changes: what it runs from, and what became of its last version-up.
 * A router that sends none knows no `upgrade` either.
 */
export interface UpgradeReport extends Envelope, VersionUpStanding {
  readonly type: 'upgrade-report';
  /** The last `upgrade` that this process of the router heard, or null. */
  readonly orderId: MessageId | null;
}

/** Server to router: the report with this id has arrived. */
export interface UpgradeNoted extends Envelope {
  readonly type: 'upgrade-noted';
}

export type Message =
  | Hello
  | Welcome
  | Request
  | Pending
  | RequestStartup
  | Distribution
  | Installed
  | BothInstalled
  | NoCorrespondingEntry
  | NoResponse
  | Refused
  | ContentsInconsistent
  | Withdraw
  | Withdrawn
  | EndpointMoved
  | Report
  | Upgrade
  | UpgradeReport
  | UpgradeNoted;

export type MessageType = Message['type'];

/** What a router may send; everything else is the server's. */
export type RouterMessage = Hello | Request | Installed | Withdrawn | Report | UpgradeReport;
export type ServerMessage = Exclude<Message, RouterMessage>;

/** What a message is about, for people: the peer, and the kind where one is named. */
export function describePair({ peer, kind }: Message): string {
  if (peer === '') return '';
  return `peer ${peer}${kind === '' ? '' : `, kind ${kind}`}`;
}
