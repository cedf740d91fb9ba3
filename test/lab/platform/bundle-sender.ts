/**
 * Sends equal datagrams at once, run in a namespace by packet-interface.test.ts. Arguments: our address, the peer's, how many
 * datagrams, octets of each. Says how many the kernel took, and whether it still takes bundles.
 */
import { parseAddress } from '../../../host/model/address.ts';
import { frameMemory } from '../../../host/platform/frame-memory.ts';
import { SendBatch } from '../../../host/platform/send-batch.ts';
import { openUdpSocket } from '../../../host/platform/udp-socket.ts';

const [local, peer] = process.argv.slice(2, 4).map(addressNamed);
const [count, octets] = process.argv.slice(4).map(Number);
if (!local || !peer || !count || !octets) throw new Error('expected LOCAL PEER COUNT OCTETS');
const frames = frameMemory(new ArrayBuffer(65536));
const socket = openUdpSocket(0, { address: local });
const batch = new SendBatch(local.family, frames, count);
for (let index = 0; index < count; index++) {
  batch.lengths[index] = octets;
  batch.setPeer(index, peer.octets, 0, 4500);
}
const sent = socket.send(batch, 0, count);
process.stdout.write(
  `${sent} of ${count} sent, ${socket.sendErrorCount} refused, bundles ${socket.sendsBundles ? 'on' : 'off'}\n`,
);

function addressNamed(text: string) {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}
