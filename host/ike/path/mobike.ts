/**
 * An IKE SA that moves (MOBIKE, RFC 4555): the initiator says that its addresses are others now, the responder goes there with
 * both SAs and then asks whether anybody is (return routability). Decides what is said and what an answer means; when a
 * request goes out, and where to, is the business of whoever has the IKE SA. One object goes on through its rekeyings.
 *
 * The responder here follows authentic messages as well (RFC 7296 section 2.23): a reply goes to where the last one came from.
 * What the peer says of further addresses (ADDITIONAL_IP4_ADDRESS and the like) is for initiators that choose among them; this one
 * keeps to the address that it was configured with, and lets them pass.
 */
import type { Endpoint } from '../../model/address.ts';
import { fail, ok, type Result } from '../../model/result.ts';
import type { Purpose } from '../ike-sa.ts';
import { notifyTypes } from '../wire/iana-numbers.ts';
import { encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';
import { detectNat, type HeaderSpis, type NatFindings, natDetectionNotifies } from './nat-detection.ts';

/** RFC 4555 section 4.2.5: 8 to 64 octets; ours. */
const cookie2Octets = 16;

export interface MobilityOptions {
  readonly role: 'initiator' | 'responder';
  /** Both ends said MOBIKE_SUPPORTED in IKE_AUTH. */
  readonly isSupported: boolean;
  /** Makes the peer believe in a NAT before this end, so that it encapsulates in UDP. */
  readonly forceUdpEncapsulation: boolean;
  readonly random: (octets: number) => Uint8Array;
}

/** Where a message went from and to, and the SPIs in its header. */
export interface Passage {
  readonly spis: HeaderSpis;
  readonly local: Endpoint;
  readonly peer: Endpoint;
}

export type MobilityRequest =
  | { readonly purpose: 'update-addresses'; readonly payloads: readonly PayloadValue[] }
  | { readonly purpose: 'check-routability'; readonly payloads: readonly PayloadValue[] };

/** What an UPDATE_SA_ADDRESSES of the peer comes to. */
export interface JudgedUpdate {
  /** Why it may not go to where the request came from. */
  readonly refusal: string | undefined;
  /** What NATs are on its new way, as far as it lets us know. */
  readonly nat: NatFindings | undefined;
}

export interface MobilityAnswer {
  readonly payloads: readonly PayloadValue[];
  /** Why the peer may not move to where the request came from; the answer says so. */
  readonly refusal?: string;
}

export class Mobility {
  readonly #options: MobilityOptions;
  #wantsUpdate = false;
  #wantsCheck = false;
  #cookie2: Uint8Array | undefined;
  /** How the peer saw this end when it was asked last: a NAT may give it another address without a word. */
  #seen: { readonly initiatorSpi: bigint; readonly hash: Uint8Array } | undefined;

  constructor(options: MobilityOptions) {
    this.#options = options;
  }

  /** Whether this end may tell the peer that it moved: the initiator may, if the peer understands. */
  get canUpdate(): boolean {
    return this.#options.role === 'initiator' && this.#options.isSupported;
  }

  /** This end has another address: `nextRequest` tells the peer. Nothing where `canUpdate` is false. */
  move(): void {
    if (this.canUpdate) this.#wantsUpdate = true;
  }

  /** True when `nextRequest` has something. */
  get isDue(): boolean {
    return this.#wantsUpdate || this.#wantsCheck;
  }

  /** Payloads of the INFORMATIONAL request that is to go out next, if any. */
  nextRequest(passage: Passage): MobilityRequest | undefined {
    if (this.#wantsUpdate) {
      this.#wantsUpdate = false;
      const payloads = [encodeNotify(notifyTypes.updateSaAddresses), ...this.#natNotifies(passage)];
      return { purpose: 'update-addresses', payloads };
    }
    if (!this.#wantsCheck) return undefined;
    this.#wantsCheck = false;
    this.#cookie2 = this.#options.random(cookie2Octets);
    return { purpose: 'check-routability', payloads: [encodeNotify(notifyTypes.cookie2, this.#cookie2)] };
  }

  /** The request for this purpose got lost with the IKE SA that it was made on: `nextRequest` has it again. */
  repeat(lost: Purpose): void {
    if (lost === 'update-addresses') this.#wantsUpdate = true;
    if (lost === 'check-routability') this.#wantsCheck = true;
  }

  /** What a liveness check carries: the answer shows whether a NAT gave this end another address (RFC 4555 section 3.8). */
  livenessPayloads(passage: Passage): readonly PayloadValue[] {
    return this.canUpdate ? this.#natNotifies(passage) : [];
  }

  /** What an INFORMATIONAL request says of the peer's addresses, to a responder; undefined when it says no new ones. */
  judgeUpdate(payloads: PayloadSet, passage: Passage): JudgedUpdate | undefined {
    const { isSupported, role } = this.#options;
    if (!isSupported || role === 'initiator') return undefined;
    if (payloads.notify(notifyTypes.updateSaAddresses) === undefined) return undefined;
    return {
      refusal: forbiddenNat(payloads, passage),
      nat: detectNat(passage.spis, payloads, passage.peer, passage.local),
    };
  }

  /** What an INFORMATIONAL request of the peer is answered with, as far as it is about addresses. */
  answer(payloads: PayloadSet, passage: Passage): MobilityAnswer {
    const cookies = payloads.notifies
      .filter(({ type }) => type === notifyTypes.cookie2)
      .map(({ data }) => encodeNotify(notifyTypes.cookie2, data.slice()));
    if (!this.#options.isSupported) return { payloads: cookies };
    const nat = detectNat(passage.spis, payloads, passage.peer, passage.local);
    const natNotifies = nat === undefined ? [] : this.#natNotifies(passage);
    const update = this.judgeUpdate(payloads, passage);
    if (update === undefined) return { payloads: [...cookies, ...natNotifies] };
    const { refusal } = update;
    if (refusal !== undefined) {
      return { payloads: [...cookies, encodeNotify(notifyTypes.unexpectedNatDetected)], refusal };
    }
    this.#wantsCheck = true;
    return { payloads: [...cookies, ...natNotifies] };
  }

  /** The answer to `update-addresses`: what NATs are on the new way, or that the peer does not go along. */
  acceptUpdate(payloads: PayloadSet, passage: Passage): Result<NatFindings | undefined, 'move-refused'> {
    if (payloads.notify(notifyTypes.unacceptableAddresses) !== undefined)
      return fail('move-refused', 'the peer does not accept our new address');
    if (payloads.notify(notifyTypes.unexpectedNatDetected) !== undefined)
      return fail('move-refused', 'the peer does not accept the NAT before our new address');
    this.#compareSeen(payloads, passage.spis);
    return ok(detectNat(passage.spis, payloads, passage.peer, passage.local));
  }

  /** The answer to a liveness check. When this end is seen elsewhere than before, the peer is told at the next request. */
  noteLiveness(payloads: PayloadSet, spis: HeaderSpis): void {
    if (this.canUpdate && this.#compareSeen(payloads, spis)) this.#wantsUpdate = true;
  }

  /** The answer to `check-routability`. False when it does not prove that the peer got the question: the SA is to be closed. */
  acceptCheck(payloads: PayloadSet): boolean {
    const expected = this.#cookie2;
    const found = payloads.notify(notifyTypes.cookie2);
    this.#cookie2 = undefined;
    return expected !== undefined && found !== undefined && Buffer.compare(expected, found.data) === 0;
  }

  /** True when the peer sees this end at another place than when it was asked last. */
  #compareSeen(payloads: PayloadSet, { initiatorSpi }: HeaderSpis): boolean {
    const hash = payloads.notify(notifyTypes.natDetectionDestinationIp)?.data.slice();
    if (hash === undefined) return false;
    const before = this.#seen;
    this.#seen = { initiatorSpi, hash };
    return before?.initiatorSpi === initiatorSpi && Buffer.compare(before.hash, hash) !== 0;
  }

  #natNotifies({ spis, local, peer }: Passage): PayloadValue[] {
    const { forceUdpEncapsulation, random } = this.#options;
    return natDetectionNotifies(spis, local, peer, forceUdpEncapsulation ? random(20) : undefined);
  }
}

/** MOBIKE_SUPPORTED, for IKE_AUTH. */
export function mobikeSupported(): PayloadValue {
  return encodeNotify(notifyTypes.mobikeSupported);
}

/** Whether the peer said so. */
export function supportsMobike(payloads: PayloadSet): boolean {
  return payloads.notify(notifyTypes.mobikeSupported) !== undefined;
}

/**
 * Why a peer that allows no NAT (RFC 4555 section 4.2.6: source and destination address, then their ports) would get one, or
 * undefined.
 */
function forbiddenNat(payloads: PayloadSet, { local, peer }: Passage): string | undefined {
  const allowed = payloads.notify(notifyTypes.noNatsAllowed);
  if (allowed === undefined) return undefined;
  const expected = new Uint8Array(2 * peer.address.octets.length + 4);
  expected.set(peer.address.octets);
  expected.set(local.address.octets, peer.address.octets.length);
  const ports = new DataView(expected.buffer, expected.length - 4);
  ports.setUint16(0, peer.port);
  ports.setUint16(2, local.port);
  if (Buffer.compare(expected, allowed.data) === 0) return undefined;
  return 'expected the addresses and ports that the peer names, without a NAT, found others';
}
