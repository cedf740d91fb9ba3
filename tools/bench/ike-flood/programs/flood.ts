/**
 * A flood of IKE_SA_INIT from spoofed sources: `flood.ts PORT RATE SECONDS`. Every datagram comes from another address of
 * 127.0.0.0/8, all of which are this machine's, so that it takes no privileges; nothing is ever answered. Prints how many
 * were sent, as JSON.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstRequest } from '../../../../host/ike/sa-init/sa-init-request.ts';
import { addressOf } from '../../../../host/model/address.ts';
import { frameMemory } from '../../../../host/platform/frame-memory.ts';
import { SendBatch } from '../../../../host/platform/send-batch.ts';
import { openUdpSocket } from '../../../../host/platform/udp-socket.ts';
import { initiatorConfig } from '../attempt.ts';

const markerOctets = 4;
const perBatch = 50;
const [port = 0, rate = 0, seconds = 0] = process.argv.slice(2).map(Number);

const any = addressOf(new Uint8Array(4));
const socket = openUdpSocket(0, { address: any });
// One true request; each datagram has its own SPI. The nonce of 32 octets may be the same: it is not what is looked at.
const { message } = firstRequest(initiatorConfig(port, 1), 1n);
const octets = markerOctets + message.length;
const memory = new ArrayBuffer(perBatch * 1024);
const frames = frameMemory(memory);
const batch = new SendBatch(4, frames, perBatch);
for (let index = 0; index < perBatch; index++) {
  batch.offsets[index] = index * 1024;
  batch.lengths[index] = octets;
  frames.octets.set(message, index * 1024 + markerOctets);
  batch.setPeer(index, Uint8Array.of(127, 0, 0, 1), 0, port);
}

let sent = 0;
const startedAt = performance.now();
const elapsed = (): number => performance.now() - startedAt;
while (elapsed() < seconds * 1000) {
  while (sent < (elapsed() * rate) / 1000) {
    for (let index = 0; index < perBatch; index++) {
      const random = randomBytes(11);
      frames.octets.set(random.subarray(0, 8), index * 1024 + markerOctets);
      // 127.1.0.0 and above: not the server's, nor the router's.
      batch.setSource(
        index,
        Uint8Array.of(127, 1 + ((random[8] ?? 0) % 254), random[9] ?? 0, random[10] ?? 0),
        0,
      );
    }
    sent += socket.send(batch, 0, perBatch) - batch.errnos.filter((errno) => errno !== 0).length;
  }
  await sleep(1);
}
socket.close();
console.log(JSON.stringify({ sent, milliseconds: elapsed() }));
