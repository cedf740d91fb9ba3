/**
 * Finds out whether a NAT lies between the two ends: each sends hashes of the addresses that it believes in, and a hash
 * that does not fit what the other one sees tells. RFC 7296 section 2.23.
 */
import { createHash } from 'node:crypto';
import type { Endpoint } from '../../model/address.ts';
import { encodeIkeSpi } from '../ike-spi.ts';
import { notifyTypes } from '../wire/iana-numbers.ts';
import { encodeNotify } from '../wire/notify.ts';
import type { PayloadValue } from '../wire/payload-chain.ts';
import type { PayloadSet } from '../wire/payload-set.ts';

export interface NatFindings {
  readonly localBehindNat: boolean;
  readonly peerBehindNat: boolean;
}

/** SPIs as they stand in the header of the message that carries the notifications. */
export interface HeaderSpis {
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
}

/** SHA-1(SPIi | SPIr | address | port): a fingerprint, nothing rests on its strength. */
export function natDetectionHash(spis: HeaderSpis, endpoint: Endpoint): Uint8Array {
  const { address, port } = endpoint;
  return createHash('sha1')
    .update(encodeIkeSpi(spis.initiatorSpi))
    .update(encodeIkeSpi(spis.responderSpi))
    .update(address.octets)
    .update(Uint8Array.of(port >>> 8, port & 0xff))
    .digest();
}

/**
 * The two notifications of a message from `local` to `peer`. With `sourceHash` given (random octets), the other end is
 * made to believe in a NAT, so that it encapsulates in UDP from the first packet.
 */
export function natDetectionNotifies(
  spis: HeaderSpis,
  local: Endpoint,
  peer: Endpoint,
  sourceHash?: Uint8Array,
): PayloadValue[] {
  return [
    encodeNotify(notifyTypes.natDetectionSourceIp, sourceHash ?? natDetectionHash(spis, local)),
    encodeNotify(notifyTypes.natDetectionDestinationIp, natDetectionHash(spis, peer)),
  ];
}

/**
 * What a received message tells; `undefined` when the peer does not support NAT traversal. Several source hashes are
 * allowed (a host with many addresses): one that fits is enough.
 */
export function detectNat(
  spis: HeaderSpis,
  payloads: PayloadSet,
  from: Endpoint,
  to: Endpoint,
): NatFindings | undefined {
  const hashes = (type: number): Uint8Array[] =>
    payloads.notifies.filter((notify) => notify.type === type).map((notify) => notify.data);
  const sources = hashes(notifyTypes.natDetectionSourceIp);
  const destinations = hashes(notifyTypes.natDetectionDestinationIp);
  if (sources.length === 0 || destinations.length === 0) return undefined;
  const fits = (candidates: Uint8Array[], endpoint: Endpoint): boolean => {
    const expected = natDetectionHash(spis, endpoint);
    return candidates.some((candidate) => Buffer.compare(expected, candidate) === 0);
  };
  return { localBehindNat: !fits(destinations, to), peerBehindNat: !fits(sources, from) };
}
