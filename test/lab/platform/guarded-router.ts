/**
 * A router without an engine, run in a namespace by guard.test.ts: puts the guard up, opens the TUN, leads traffic into it
 * and writes a line for each packet that comes out. Packets given on standard input (hex) are written into the TUN.
 *
 * Argument: the NetworkSettings as JSON, with entries already parsed.
 */
import { createInterface } from 'node:readline';
import { VNET_HEADER } from '../../../firmware/abi/bundle.ts';
import { frameMemory } from '../../../host/platform/frame-memory.ts';
import { type NetworkSettings, networkPlan, protect, steer } from '../../../host/platform/network-setup.ts';
import { openTun } from '../../../host/platform/tun.ts';
import { reviveEntries } from './spd.ts';

const argument: NetworkSettings & { withoutTun?: boolean } = JSON.parse(process.argv[2] ?? '');
const plan = networkPlan({ ...argument, entries: reviveEntries(argument.entries) });
const frames = frameMemory(new ArrayBuffer(65536));
protect(plan);
if (argument.withoutTun === true) {
  process.stdout.write('guarded\n');
  process.exit(0);
}
const tun = openTun({ name: plan.tunName, mtu: 1400, frames });
steer(plan);
process.stdout.write(`ready, TUN in place\n`);

setInterval(() => {
  for (let length = tun.read(0, 4096); length > 0; length = tun.read(0, 4096)) {
    process.stdout.write(
      `packet ${Buffer.from(frames.octets.subarray(VNET_HEADER, length)).toString('hex')}\n`,
    );
  }
}, 5);

createInterface({ input: process.stdin }).on('line', (line) => {
  const packet = Buffer.from(line, 'hex');
  frames.octets.set(packet, 4096 + VNET_HEADER);
  const refused = tun.writeErrorCount;
  tun.write(new Uint32Array([4096]), new Uint32Array([VNET_HEADER + packet.length]), 0, 1);
  const written = tun.writeErrorCount === refused ? 1 : 0;
  process.stdout.write(`written ${written} ${tun.lastWriteErrno}\n`);
});
