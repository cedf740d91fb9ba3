/**
 * Half-open IKE SAs: `half-open.ts COUNT ADDRESS` sends COUNT requests of IKE_SA_INIT to port 4500 of ADDRESS, each with an SPI
 * and a public value of its own, and prints how many were answered. Nobody goes on with them.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { exchangeTypes, protocolIds, transformTypes } from '../../../host/ike/wire/iana-numbers.ts';
import { encodeKeyExchange, encodeNonce } from '../../../host/ike/wire/key-exchange.ts';
import { encodeMessage } from '../../../host/ike/wire/payload-chain.ts';
import { encodeSecurityAssociation } from '../../../host/ike/wire/security-association.ts';

const port = 4500;
const settleMs = 500;
/** IANA's numbers of aes256gcm16-prfsha256-x25519. */
const aesGcm16 = 20;
const hmacSha256 = 5;
const curve25519 = 31;
const [countText = '0', responder = ''] = process.argv.slice(2);

const socket = createSocket('udp4');
let answers = 0;
socket.on('message', () => {
  answers += 1;
});
socket.bind(0);
await once(socket, 'listening');
for (let sent = 0; sent < Number(countText); sent++) {
  socket.send(Buffer.concat([Buffer.alloc(4), request()]), port, responder); // RFC 3948 section 2.2: no ESP
  // In small groups: neither end's receive buffer is what this is about.
  if (sent % 16 === 15) await sleep(5);
}
await sleep(settleMs);
process.stdout.write(`${answers}\n`, () => process.exit(0));

function request(): Uint8Array {
  const transforms = [
    { type: transformTypes.encryption, id: aesGcm16, keyBits: 256 },
    { type: transformTypes.pseudorandomFunction, id: hmacSha256 },
    { type: transformTypes.keyExchangeMethod, id: curve25519 },
  ];
  const proposal = { number: 1, protocolId: protocolIds.ike, spi: new Uint8Array(0), transforms };
  return encodeMessage(
    {
      initiatorSpi: randomBytes(8).readBigUInt64BE() | 1n,
      responderSpi: 0n,
      exchangeType: exchangeTypes.ikeSaInit,
      fromInitiator: true,
      isResponse: false,
      messageId: 0,
    },
    [
      encodeSecurityAssociation([proposal]),
      encodeKeyExchange({ method: curve25519, data: randomBytes(32) }), // RFC 8031: any 32 octets will do
      encodeNonce(randomBytes(32)),
    ],
  );
}
