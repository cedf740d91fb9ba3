/** A router that sets its channel's IKE SA up over loopback, and how long that takes it. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { innerAddress } from '../../../host/channel/inner-address.ts';
import { defaultChannelTimers } from '../../../host/channel/timers.ts';
import { Initiator, type InitiatorConfig } from '../../../host/ike/initiator.ts';
import { fqdnIdentity } from '../../../host/ike/wire/identification.ts';
import { trafficSelectorOf } from '../../../host/ike/wire/traffic-selector.ts';
import { addressOf, type Endpoint } from '../../../host/model/address.ts';
import { defaultDatagramOctets } from '../../../host/model/channel.ts';
import { defaultChannelProposals } from '../../../host/model/child-proposal.ts';
import { sharedKey } from '../../../host/model/credentials.ts';
import { Secret } from '../../../host/model/secret.ts';
import { bootTimeMs } from '../../../host/platform/clock.ts';

export const routerName = 'router';
export const serverName = 'server';
/** Nobody else can read the bench's server's settings, and it guards nothing. */
export const keyText = randomBytes(32).toString('base64');

const markerOctets = 4;
const leastSpi = 256;
const checkMs = 10;

function loopback(port: number): Endpoint {
  return { address: addressOf(Uint8Array.of(127, 0, 0, 1)), port };
}

/** A router at `localPort` of loopback, its server at `serverPort`. */
export function initiatorConfig(serverPort: number, localPort: number): InitiatorConfig {
  const inner = (name: string) => [trafficSelectorOf({ address: innerAddress(name), length: 128 })];
  return {
    identity: fqdnIdentity(routerName),
    peerIdentity: fqdnIdentity(serverName),
    credentials: sharedKey(new Secret(new TextEncoder().encode(keyText))),
    ikeProposals: defaultChannelProposals.ike,
    espProposals: defaultChannelProposals.esp,
    local: loopback(localPort),
    peer: loopback(serverPort),
    localTrafficSelectors: inner(routerName),
    remoteTrafficSelectors: inner(serverName),
    initialContact: true,
    forceUdpEncapsulation: true,
    longestDatagramOctets: defaultDatagramOctets,
    // Nothing is rekeyed here.
    allocateSpi: () => undefined,
    retransmission: defaultChannelTimers.retransmission,
    random: (octets) => Uint8Array.from(randomBytes(octets)),
  };
}

export interface Attempt {
  readonly milliseconds: number;
  /** Datagrams that the router sent; three with a cookie and no loss. */
  readonly sent: number;
}

/** Sets one IKE SA up. Throws Error when its retransmissions are over. */
export async function attempt(serverPort: number): Promise<Attempt> {
  const socket = createSocket('udp4');
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  const config = initiatorConfig(serverPort, socket.address().port);
  const initiator = new Initiator(config);
  const startedAt = performance.now();
  let sent = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Attempt>();
  const carryOut = (actions: ReturnType<Initiator['handle']>): void => {
    for (const action of actions) {
      if (action.kind === 'send') {
        sent += 1;
        socket.send(Buffer.concat([new Uint8Array(markerOctets), action.bytes]), serverPort, '127.0.0.1');
      } else if (action.kind === 'established') {
        resolve({ milliseconds: performance.now() - startedAt, sent });
      } else if (action.kind === 'failed') reject(new Error(`${action.reason}: ${action.message}`));
    }
  };
  socket.on('message', (datagram) => {
    const bytes = datagram.subarray(markerOctets);
    const event = { kind: 'message', bytes, from: config.peer, to: config.local } as const;
    carryOut(initiator.handle(event, bootTimeMs()));
  });
  const timer = setInterval(() => {
    const now = bootTimeMs();
    if ((initiator.nextDeadline() ?? Number.POSITIVE_INFINITY) <= now) {
      carryOut(initiator.handle({ kind: 'deadline' }, now));
    }
  }, checkMs);
  const inboundSpi = leastSpi + randomBytes(3).readUIntBE(0, 3);
  carryOut(initiator.handle({ kind: 'start', inboundSpi }, bootTimeMs()));
  try {
    return await promise;
  } finally {
    clearInterval(timer);
    socket.close();
  }
}
