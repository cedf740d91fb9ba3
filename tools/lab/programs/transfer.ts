/**
 * One end of a TCP transfer with a hash at both ends. `transfer.ts receive PORT` waits for one connection and prints
 * what arrived; `transfer.ts send PORT ADDRESS OCTETS` sends random octets and prints what it sent.
 */
import { createHash, randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';

export interface TransferReport {
  readonly octets: number;
  readonly sha256: string;
  /** From the connection's first octet to its last. */
  readonly milliseconds: number;
}

const [role, portText = '', address = '', octetsText = ''] = process.argv.slice(2);
const port = Number(portText);

function print(octets: number, sha256: string, milliseconds: number): void {
  const report: TransferReport = { octets, sha256, milliseconds };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

async function send(wanted: number): Promise<void> {
  const socket = connect({ port, host: address });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const hash = createHash('sha256');
  // Random, so that nothing on the way can compress or guess it; one block, so that making it costs no time of the way.
  const block = randomBytes(1 << 20);
  const start = performance.now();
  for (let sent = 0; sent < wanted; ) {
    const piece = block.subarray(0, Math.min(block.length, wanted - sent));
    block.writeUInt32BE(sent, 0);
    hash.update(piece);
    const copy = Buffer.from(piece);
    if (!socket.write(copy)) await new Promise((resolve) => socket.once('drain', resolve));
    sent += piece.length;
  }
  await new Promise<void>((resolve) => socket.end(resolve));
  await new Promise((resolve) => socket.once('close', resolve).resume());
  print(wanted, hash.digest('hex'), performance.now() - start);
}

function receive(): void {
  const listener = createServer((socket) => {
    const hash = createHash('sha256');
    let octets = 0;
    let start = 0;
    socket.on('data', (piece) => {
      if (octets === 0) start = performance.now();
      octets += piece.length;
      hash.update(piece);
    });
    socket.on('end', () => {
      print(octets, hash.digest('hex'), performance.now() - start);
      socket.end();
      listener.close();
    });
  });
  listener.listen(port, () => process.stdout.write('ready\n'));
}

if (role === 'receive') receive();
else await send(Number(octetsText));
