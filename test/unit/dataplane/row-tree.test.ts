/** The tree of SPD rows: what the firmware refuses of it, and that its shape decides nothing but the time. */
import { describe, expect, it } from 'vitest';
import { STAGE_INDEX, STAGE_OK, STAGE_ROW } from '../../../firmware/abi/bank.ts';
import { CANARY_OCTET } from '../../../firmware/abi/layout.ts';
import {
  ROW_ACTION,
  ROW_BELOW,
  ROW_ENTRY,
  ROW_FAMILY,
  ROW_ORDER,
  ROW_SIZE,
} from '../../../firmware/abi/spd-row.ts';
import { canaries } from '../../../host/dataplane/memory-layout.ts';
import { rowTree } from '../../../host/dataplane/row-tree.ts';
import { selector } from '../../property/dataplane/engines.ts';
import { decidingEntry, discardRows, instanceFor, stageTree } from '../../property/dataplane/first-row.ts';
import { packetOf, UDP } from '../../property/dataplane/packets.ts';

const count = 64;
const rows = discardRows(
  Array.from({ length: count }, (_, index) => selector(`10.${index}.0.0/16`, `10.${count - index}.0.0/16`)),
);
const packetFor = (index: number) =>
  packetOf({
    source: `10.${index}.0.1`,
    destination: `10.${count - index}.0.1`,
    protocol: UDP,
    upper: [1, 2],
  });

function intact(instance: ReturnType<typeof instanceFor>): boolean {
  return canaries(instance.buffer, instance.layout).every((canary) =>
    canary.every((octet) => octet === CANARY_OCTET),
  );
}

/** A field of the row or cover at `index` that `spoil` gives another value. */
const field = (index: number, offset: number, value: number) => (tree: DataView) =>
  tree.setUint32(index * ROW_SIZE + offset, value, true);

const tree = rowTree(rows);
const view = new DataView(tree.buffer, tree.byteOffset, tree.length);
const below = Array.from({ length: tree.length / ROW_SIZE }, (_, index) =>
  view.getUint32(index * ROW_SIZE + ROW_BELOW, true),
);
const cover = below.findIndex((rowsBelow, index) => rowsBelow > 0 && index + rowsBelow < below.length - 1);
const plain = below.indexOf(0);
const inner = below.findIndex((rowsBelow, index) => rowsBelow > 0 && index > cover);

describe('the tree of SPD rows', () => {
  it('is taken as the host plants it, and finds each row', () => {
    const instance = instanceFor(count);
    expect(stageTree(instance, tree)).toBe(STAGE_OK);
    instance.call('commit');
    for (let index = 0; index < count; index++) expect(decidingEntry(instance, packetFor(index))).toBe(index);
    expect(intact(instance)).toBe(true);
  });

  it.each([
    ['a cover over more than there is', STAGE_INDEX, field(cover, ROW_BELOW, below.length)],
    ['a cover that wraps around memory', STAGE_INDEX, field(cover, ROW_BELOW, 0xffff_ffff)],
    ['a cover that ends inside another', STAGE_INDEX, field(cover, ROW_BELOW, inner - cover)],
    ['an order beyond the rows', STAGE_INDEX, field(plain, ROW_ORDER, count)],
    ['an order that wraps around memory', STAGE_INDEX, field(plain, ROW_ORDER, 0xffff_ffff)],
    [
      'an order given twice',
      STAGE_INDEX,
      field(plain, ROW_ORDER, view.getUint32(plain * ROW_SIZE + ROW_ORDER, true) ^ 1),
    ],
    ['a cover over both families', STAGE_ROW, field(plain, ROW_FAMILY, 6)],
    ['a row of no family', STAGE_ROW, field(plain, ROW_FAMILY, 0)],
    ['a row of no entry', STAGE_ROW, field(plain, ROW_ENTRY, count)],
    ['a row with a binding’s action', STAGE_ROW, field(plain, ROW_ACTION, 4)],
  ])('is refused with %s; the bank then passes nothing', (_, problem, spoil) => {
    const instance = instanceFor(count);
    expect(stageTree(instance, tree)).toBe(STAGE_OK);
    const spoilt = tree.slice();
    spoil(new DataView(spoilt.buffer));
    expect(stageTree(instance, spoilt)).toBe(problem);
    instance.call('commit');
    for (let index = 0; index < count; index++) expect(decidingEntry(instance, packetFor(index))).toBe(-1);
    expect(intact(instance)).toBe(true);
  });

  it('is refused when it has more rows than a bank has room for', () => {
    const instance = instanceFor(count);
    expect(instance.call('stage_spd', count + count / 2 + 1)).toBe(STAGE_INDEX);
    expect(instance.call('stage_spd', 0xffff_ffff)).toBe(STAGE_INDEX);
  });

  it('decides the same whatever rows stand together, and whatever the host says of a cover', () => {
    // Rows in reverse, four below each cover, the covers full of a selector that selects nothing.
    const instance = instanceFor(count);
    const flat = discardRows([...rows.map((row) => row.selector)]);
    const planted = new Uint8Array((count + count / 4) * ROW_SIZE);
    const image = new DataView(planted.buffer);
    let at = 0;
    for (let order = count - 1; order >= 0; order--) {
      if (order % 4 === 3) {
        planted.fill(0xff, at, at + ROW_SIZE);
        image.setUint32(at + ROW_BELOW, 4, true);
        at += ROW_SIZE;
      }
      planted.set(rowTree([flat[order]!]), at);
      image.setUint32(at + ROW_ORDER, order, true);
      at += ROW_SIZE;
    }
    expect(stageTree(instance, planted)).toBe(STAGE_OK);
    instance.call('commit');
    for (let index = 0; index < count; index++) expect(decidingEntry(instance, packetFor(index))).toBe(index);
  });
});
