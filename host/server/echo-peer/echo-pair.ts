/** The server's end of a self-test's SAs: what request processing distributed to the echo peer, as the engine installs it. */
import type { SaPair } from '../../dataplane/engine.ts';
import type { DistributedSa, Distribution } from '../../messages/message.ts';
import type { Address } from '../../model/address.ts';
import type { SecurityAssociation } from '../../model/security-association.ts';

/** The pair, which takes over the distribution's keys. It delivers to the server itself, and only `outboundThrough` sends by it. */
export function echoPair(distribution: Distribution, local: Address, localPort: number): SaPair {
  const { policy, remainingSeconds, peerEndpoint, selectors, kind, precedence } = distribution;
  const lifetime = {
    seconds: remainingSeconds,
    octets: policy.lifetimeOctets ?? undefined,
    packets: policy.lifetimePackets ?? undefined,
  };
  const association = (
    direction: SecurityAssociation['direction'],
    { spi, encryptionKey, authenticationKey, salt }: DistributedSa,
  ): SecurityAssociation => ({
    direction,
    spi,
    protocol: policy.protocol,
    mode: policy.mode,
    proposal: policy.proposal,
    keys: { encryptionKey, authenticationKey, salt },
    esn: policy.esn,
    replayWindow: policy.replayWindow,
    encapsulation: policy.encapsulation,
    localAddress: local,
    localPort,
    peer: peerEndpoint,
    selectors,
    soft: lifetime,
    hard: lifetime,
    dscp: policy.dscp,
    dontFragment: policy.dontFragment,
  });
  return {
    entry: '',
    kind,
    precedence,
    precedents: [],
    deliver: 'host',
    inbound: association('inbound', distribution.inbound),
    outbound: association('outbound', distribution.outbound),
  };
}
