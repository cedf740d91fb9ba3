/**
 * One end of a continuous UDP flow: sends numbered datagrams at a steady rate and keeps book of those that arrive. Runs in
 * a host's namespace; `flow.ts PORT ADDRESS RATE` sends to the same port of ADDRESS, RATE datagrams a second. A
 * line "go" on stdin starts the sending and "stop" ends it; "report" prints what was counted as JSON and ends the program.
 *
 * The marker at the start of each datagram is what the census looks for outside ESP.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { cleartextMarker } from '../census.ts';

export interface FlowReport {
  readonly sent: number;
  /** Different datagrams that arrived. */
  readonly received: number;
  readonly duplicates: number;
  /** Arrivals with a number below one that came before. */
  readonly reordered: number;
  /** Longest time between two arrivals. */
  readonly longestGapMs: number;
  /** Numbers that never arrived, up to the highest that did; the first twenty. */
  readonly missing: readonly number[];
}

const [portText = '', address = '', rateText = ''] = process.argv.slice(2);
const port = Number(portText);
const perMs = Number(rateText) / 1000;

const header = Buffer.from(cleartextMarker.padEnd(24));
const datagram = Buffer.concat([header, Buffer.alloc(8 + 68)]);

let sent = 0;
let received = 0;
let duplicates = 0;
let reordered = 0;
let highest = -1;
let longestGapMs = 0;
let lastArrival = 0;
let arrived = new Uint8Array(1 << 16);

const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');

socket.on('message', (message) => {
  const number = Number(message.readBigUInt64BE(header.length));
  if (number >= arrived.length) {
    const larger = new Uint8Array(Math.max(arrived.length * 2, number + 1));
    larger.set(arrived);
    arrived = larger;
  }
  if (arrived[number] === 1) {
    duplicates++;
    return;
  }
  arrived[number] = 1;
  received++;
  if (number < highest) reordered++;
  else highest = number;
  const now = performance.now();
  if (lastArrival > 0) longestGapMs = Math.max(longestGapMs, now - lastArrival);
  lastArrival = now;
});
// An ICMP error for one datagram must not end the flow: what is lost is counted at the other end.
socket.on('error', () => undefined);

socket.bind(port, () => {
  socket.setRecvBufferSize(4 << 20);
  let timer: NodeJS.Timeout | undefined;
  process.stdout.write('ready\n');
  createInterface({ input: process.stdin }).on('line', (line) => {
    if (line === 'go') timer = setInterval(sendDue, 1, performance.now());
    if (line === 'stop') clearInterval(timer);
    if (line === 'report') finish();
  });
});

function sendDue(start: number): void {
  const due = Math.floor((performance.now() - start) * perMs);
  while (sent < due) {
    datagram.writeBigUInt64BE(BigInt(sent), header.length);
    socket.send(Buffer.from(datagram), port, address, () => undefined);
    sent++;
  }
}

function finish(): void {
  const missing: number[] = [];
  for (let number = 0; number < highest && missing.length < 20; number++) {
    if (arrived[number] !== 1) missing.push(number);
  }
  const report: FlowReport = { sent, received, duplicates, reordered, longestGapMs, missing };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}
