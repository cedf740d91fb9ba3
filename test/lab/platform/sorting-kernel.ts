/**
 * Run in a namespace by selector-rules.test.ts: loads SPDs as the kernel sees them, sends packets through it one at a time,
 * and says what became of each: `engine`, `bypass` or `none`. Jobs come as JSON on standard input, answers go to standard
 * output.
 */
import { readFileSync } from 'node:fs';
import { VNET_HEADER } from '../../../firmware/abi/bundle.ts';
import type { SpdEntry } from '../../../host/model/policy.ts';
import { frameMemory } from '../../../host/platform/frame-memory.ts';
import { runTool } from '../../../host/platform/run-tool.ts';
import { renderSelectorRules } from '../../../host/platform/selector-rules.ts';
import { openTun } from '../../../host/platform/tun.ts';
import { reviveEntries } from './spd.ts';

interface Job {
  entries: SpdEntry[];
  direction: 'outbound' | 'inbound';
  /** Whole IP packets, hex. */
  packets: string[];
}

const jobs: Job[] = JSON.parse(readFileSync(0, 'utf8'));
const frames = frameMemory(new ArrayBuffer(65536));
const tun = openTun({ name: 'sort0', mtu: 1400, frames });
const answers = jobs.map((job) => {
  load(job);
  let before = readCounters();
  return job.packets.map((packet) => {
    const octets = Buffer.from(packet, 'hex');
    frames.octets.set(octets, VNET_HEADER);
    tun.write(new Uint32Array([0]), new Uint32Array([VNET_HEADER + octets.length]), 0, 1);
    const after = readCounters();
    const moved = Object.keys(after).filter((name) => after[name] !== before[name]);
    before = after;
    return moved.join('+');
  });
});
process.stdout.write(JSON.stringify(answers));
process.exit(0);

function load(job: Job): void {
  const rules = renderSelectorRules(reviveEntries(job.entries), job.direction, {
    engine: 'counter name engine drop',
    bypass: 'counter name bypass drop',
  });
  runTool(
    'nft',
    ['-f', '-'],
    `add table inet sorting
delete table inet sorting
table inet sorting {
  counter engine { }
  counter bypass { }
  counter none { }
  chain sort {
    type filter hook prerouting priority raw; policy accept;
    iifname != "sort0" accept
    ${rules.join('\n    ')}
    counter name none drop
  }
}
`,
  );
}

function readCounters(): Record<string, number> {
  const listing = JSON.parse(runTool('nft', ['-j', 'list', 'counters', 'table', 'inet', 'sorting']));
  const found: Record<string, number> = {};
  for (const { counter } of listing.nftables) if (counter) found[counter.name] = counter.packets;
  return found;
}
