/** The rows of block modes by one of our modules: one text after the other, or eight side by side. */
import type { Field, Layout } from '../../primitives/fields.ts';
import { placeCbcJobs } from '../../primitives/jobs.ts';
import type { BlockMode } from '../../primitives/shapes.ts';
import { cbcLanes, groupsOf } from './groups.ts';
import type { Workload } from './packet.ts';
import type { PacketWork } from './packet-work.ts';
import type { Row } from './row.ts';

/** @param lanes encrypts several texts side by side; undefined for one after the other */
export function blockModeWork(
  row: Row,
  mode: BlockMode,
  context: Field,
  { packets }: Workload,
  lanes: ((jobs: number, count: number) => void) | undefined,
  layout: Layout,
): PacketWork {
  const places = packets.map(({ nonce, text }) => ({ iv: layout.place(nonce), text: layout.place(text) }));
  const results = () => places.map(({ text }) => text.read());
  if (lanes === undefined) {
    const change = row.direction === 'encrypt' ? mode.encrypt : mode.decrypt;
    return {
      run() {
        for (const { iv, text } of places) change(context.address, iv.address, text.address, text.length);
      },
      results,
    };
  }
  const groups = groupsOf(places, cbcLanes).map((group) => ({
    records: placeCbcJobs(
      layout,
      group.map((place) => ({ ...place, context })),
    ).address,
    count: group.length,
  }));
  return {
    run() {
      for (const { records, count } of groups) lanes(records, count);
    },
    results,
  };
}
