/** Routers with two workers, in the lab: many flows at once are spread over both, and each of them stays in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRouterStatus, readSad } from '../../tools/lab/control.ts';
import { placeFolder } from '../../tools/lab/place.ts';
import { describeWith } from '../requirements.ts';

const entry = 'tools/lab/main.ts';
const name = `workers-${process.pid}`;
const flows = 24;
const datagrams = 300;

/** Answers each datagram with itself. */
const echo = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(7000, '10.2.0.10', () => console.log('bound'));`;

/**
 * Sends numbers in each of many flows, one ahead, which has the SAs set up, and then a few at a time; prints how many came back, and
 * how many behind a later one.
 */
const ask = `
  const dgram = require('node:dgram');
  let received = 0, disordered = 0;
  const sockets = Array.from({ length: ${flows} }, () => {
    const socket = dgram.createSocket('udp4');
    let last = -1;
    socket.on('message', (bytes) => {
      const number = bytes.readUInt32BE();
      received += 1;
      if (number < last) disordered += 1;
      last = number;
    });
    return socket;
  });
  let next = 0;
  const send = () => {
    for (const socket of sockets) {
      const bytes = Buffer.alloc(400);
      bytes.writeUInt32BE(next);
      socket.send(bytes, 7000, '10.2.0.10');
    }
    next += 1;
  };
  send();
  setTimeout(() => {
    const timer = setInterval(() => {
      for (let burst = 0; burst < 3 && next < ${datagrams}; burst += 1) send();
      if (next < ${datagrams}) return;
      clearInterval(timer);
      setTimeout(() => { console.log(JSON.stringify({ received, disordered })); process.exit(0); }, 3000);
    }, 20);
  }, 3000);`;

describeWith(
  ['root', 'tun', 'network namespaces', 'iproute2', 'nft', 'ping', 'tcpdump'],
  'routers with two workers',
  () => {
    let lab: ChildProcess;
    let output = '';

    beforeAll(async () => {
      lab = spawn(process.execPath, [entry, '--name', name, '--workers', '2']);
      for (const stream of [lab.stdout, lab.stderr]) stream?.on('data', (piece) => (output += piece));
      for (let tries = 0; tries < 900 && !output.includes('Ctrl-C tears everything down'); tries++)
        await sleep(100);
      expect(output).toContain('Ctrl-C tears everything down');
    }, 120_000);

    afterAll(async () => {
      const ended = once(lab, 'close');
      lab.kill('SIGINT');
      await ended;
    }, 30_000);

    function inLab(where: string, program: string): ChildProcess {
      return spawn(process.execPath, [entry, '--name', name, 'exec', where, process.execPath, '-e', program]);
    }

    it('carry flows with both, each in order', async () => {
      const answering = inLab('osaka-host', echo);
      await once(answering.stdout!, 'data');
      const asking = inLab('tokyo-host', ask);
      let said = '';
      asking.stdout?.on('data', (piece) => (said += piece));
      await once(asking, 'close');
      answering.kill();
      const { received, disordered } = JSON.parse(said);
      expect(disordered).toBe(0);
      // A busy machine lets the sockets of these programs overflow; that no renewal loses anything the whole scenario shows.
      expect(received).toBeGreaterThan(0.8 * flows * datagrams);
      for (const router of ['tokyo', 'osaka']) {
        const socket = join(placeFolder(name), `${router}.sock`);
        const { workers } = await readRouterStatus(socket);
        const carried = workers.map(({ counters }) => Number(counters['outbound-packets']));
        expect(carried).toHaveLength(2);
        // Chance decides which flow is where; one that all of them miss has one chance in eight million.
        expect(Math.min(...carried)).toBeGreaterThan(datagrams / 2);
        const used = (await readSad(socket)).filter((row) => row.entry !== '' && row.direction === 'inbound');
        expect(new Set(used.map(({ spi }) => spi >>> 30))).toEqual(new Set([0, 1]));
      }
    }, 60_000);
  },
);
