/**
 * Finds out which of many address pairs can talk. `probe.ts echo PORT ADDRESSES` answers datagrams, from the address that
 * they were sent to; `probe.ts ask PORT TIMEOUT_MS LOCAL=REMOTE,…` sends one for each pair again and again until it is
 * answered and prints, for each pair, the milliseconds that it took, or null.
 */
import { createSocket } from 'node:dgram';
import { cleartextMarker } from '../census.ts';

export interface ProbeReport {
  /** In the order of the pairs; null is no answer in time. */
  readonly milliseconds: readonly (number | null)[];
}

const repeatMs = 500;
const [role, portText = '', ...rest] = process.argv.slice(2);
const port = Number(portText);
const question = Buffer.from(`${cleartextMarker} probe`);

async function echo(addresses: readonly string[]): Promise<void> {
  await Promise.all(
    addresses.map(
      (address) =>
        new Promise<void>((resolve) => {
          const socket = createSocket('udp4');
          socket.on('message', (message, from) => socket.send(message, from.port, from.address));
          socket.on('error', () => undefined);
          socket.bind(port, address, resolve);
        }),
    ),
  );
  process.stdout.write('ready\n');
}

async function ask(timeoutMs: number, pairs: readonly string[]): Promise<void> {
  const milliseconds = await Promise.all(pairs.map((pair) => askOne(pair, timeoutMs)));
  const report: ProbeReport = { milliseconds };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}

function askOne(pair: string, timeoutMs: number): Promise<number | null> {
  const [local = '', remote = ''] = pair.split('=');
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    const start = performance.now();
    const finish = (answer: number | null) => {
      clearInterval(repeat);
      clearTimeout(limit);
      resolve(answer);
    };
    const send = () => socket.send(question, port, remote, () => undefined);
    const repeat = setInterval(send, repeatMs);
    const limit = setTimeout(() => finish(null), timeoutMs);
    socket.on('message', () => finish(performance.now() - start));
    socket.on('error', () => undefined);
    socket.bind(0, local, send);
  });
}

if (role === 'echo') await echo((rest[0] ?? '').split(','));
else await ask(Number(rest[0]), (rest[1] ?? '').split(','));
