/**
 * Datagrams of many sizes from end to end, run in a namespace by path-mtu.test.ts. `serve ADDRESS` answers each one with its length and
 * checksum, and says `bound`. `ask ADDRESS SIZES` sends each size, given as `FROM-TO` or one number behind commas, until it is answered,
 * and prints as JSON which never were; content that arrives otherwise than it was sent counts as not arrived.
 */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';

const port = 9999;
/** At a time; all of them together fit a socket's buffer. */
const inFlight = 8;
/** A path that becomes shorter costs one datagram or two for each router that learns of it. */
const tries = 12;
const answerWithinMs = 60;
const bufferOctets = 2 * 1024 * 1024;

const [role, address = '', sizes = ''] = process.argv.slice(2);
const family = address.includes(':') ? 'udp6' : 'udp4';
if (role === 'serve') serve();
else process.stdout.write(`${JSON.stringify(await ask())}\n`);

function serve(): void {
  const socket = createSocket(family);
  socket.on('message', (datagram, from) => {
    const answer = Buffer.alloc(8);
    answer.writeUInt32BE(datagram.length, 0);
    answer.writeUInt32BE(crc32(datagram), 4);
    socket.send(answer, from.port, from.address);
  });
  socket.bind(port, address, () => {
    socket.setRecvBufferSize(bufferOctets);
    process.stdout.write('bound\n');
  });
}

async function ask(): Promise<number[]> {
  const socket = createSocket(family);
  const waiting = new Map<number, Buffer>();
  socket.on('message', (answer) => {
    const size = answer.readUInt32BE(0);
    const sent = waiting.get(size);
    if (sent !== undefined && crc32(sent) === answer.readUInt32BE(4)) waiting.delete(size);
  });
  const lost: number[] = [];
  const all = listed();
  for (let first = 0; first < all.length; first += inFlight) {
    for (const size of all.slice(first, first + inFlight)) waiting.set(size, contentOf(size));
    for (let turn = 0; turn < tries && waiting.size > 0; turn++) {
      // The kernel itself refuses what it knows to be too long, and knows better the next time (EMSGSIZE).
      for (const datagram of waiting.values()) socket.send(datagram, port, address, () => undefined);
      for (let waited = 0; waited < answerWithinMs * (turn + 1) && waiting.size > 0; waited += 2)
        await sleep(2);
    }
    lost.push(...waiting.keys());
    waiting.clear();
  }
  socket.close();
  return lost;
}

function listed(): number[] {
  return sizes.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

/** Differs from size to size, and from place to place. */
function contentOf(size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + size) & 0xff));
}
