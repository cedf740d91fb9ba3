/**
 * The setting protocol's server side beside strongSwan: `answer-router.ts ROUTER SERVER PEER_ADDRESS` welcomes the router,
 * gives it SAs for whatever it asks, and confirms them, until it is killed. Prints the type of each message that came.
 * The peer of those SAs exists nowhere: what is proven is that the router is served over this channel.
 */
import { randomBytes } from 'node:crypto';
import { decodeRouterMessage, wipeMessage } from '../../../host/messages/codec.ts';
import type {
  DistributedSa,
  Distribution,
  Request,
  RouterMessage,
  ServerMessage,
} from '../../../host/messages/message.ts';
import { parseAddress } from '../../../host/model/address.ts';
import { Secret } from '../../../host/model/secret.ts';
import { InnerSocket } from './inner-socket.ts';

const kind = 'all';
const peerPort = 4500;
const [router = '', server = '', peerAddress = ''] = process.argv.slice(2);

const address = parseAddress(peerAddress);
if (!address.ok) throw new Error(address.message);
const peerEndpoint = { address: address.value, port: peerPort };

const socket = await InnerSocket.open(server, router, (datagram) => {
  const message = decodeRouterMessage(datagram);
  if (!message.ok) return;
  process.stdout.write(`${message.value.type}\n`);
  const answer = answerTo(message.value);
  if (answer === undefined) return;
  socket.send(answer);
  wipeMessage(answer);
});
process.stdout.write('ready\n');

function answerTo(message: RouterMessage): ServerMessage | undefined {
  const { id, source, peer } = message;
  switch (message.type) {
    case 'hello':
      return { type: 'welcome', id, source, peer: '', kind: '', timeMs: Date.now() };
    case 'request':
      return distributionFor(message);
    case 'installed':
      return { type: 'both-installed', id, source, peer, kind };
    default:
      return undefined;
  }
}

function distributionFor({ id, source, peer, spi, selectors }: Request): Distribution {
  return {
    type: 'distribution',
    id,
    source,
    peer,
    kind,
    policy: {
      revision: 1,
      protocol: 'esp',
      mode: 'tunnel',
      proposal: 'aes256gcm16',
      esn: true,
      replayWindow: 128,
      encapsulation: 'raw', // in UDP the router would wait for a first packet of the peer
      dscp: 'copy',
      dontFragment: 'copy',
      tfcPadding: 0,
      dummiesPerSecond: 0,
      lifetimeOctets: null,
      lifetimePackets: null,
    },
    outbound: freshSa(0x2000_0000 + randomBytes(3).readUIntBE(0, 3)),
    inbound: freshSa(spi),
    remainingSeconds: 3600,
    selectors,
    precedence: 0,
    precedents: [],
    peerEndpoint,
  };
}

function freshSa(spi: number): DistributedSa {
  const secret = (octets: number) => new Secret(Uint8Array.from(randomBytes(octets)));
  return { spi, encryptionKey: secret(32), authenticationKey: secret(0), salt: secret(4) };
}
