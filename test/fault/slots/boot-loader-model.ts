/**
 * What tools/image/guest/choose-slot.cfg does, as a plain function over the sectors of the partition `boot`: the oracle of the
 * simulated power cuts, itself compared with GRUB (grub-script.test.ts). Written from the rules, not from the code of host/slots.
 */
import type { BlockDevice } from '../../../host/flash/block-device.ts';

export type Started = {
  readonly chosen: 'a' | 'b';
  readonly how: 'trial' | 'active' | 'other' | 'turns' | 'damaged';
};

const names = [
  ...['choice-1', 'choice-2', 'trial-1', 'trial-2', 'trial-3', 'active-1', 'active-2', 'active-3'],
  ...['other-1', 'other-2', 'other-3', 'turn'],
];

/** Number of the sector with a file's content. */
export function sectorOf(name: string): number {
  return 1 + 2 * names.indexOf(name);
}

/** Starts a slot: sets a mark, and flushes it. A device that refuses to write is one on which nothing can be counted. */
export function bootLoaderStart(device: BlockDevice): Started {
  const line = choiceLine(device, 'choice-1') ?? choiceLine(device, 'choice-2');
  if (line === undefined) return { chosen: 'a', how: 'damaged' };
  const [generation = '', active = '', trial = '', complete = ''] = line.split('.');
  const [one, two] = active === 'a' ? (['a', 'b'] as const) : (['b', 'a'] as const);
  const isOtherWhole = complete[two === 'a' ? 0 : 1] === '1';
  const counted = (kind: 'trial' | 'active' | 'other', slot: 'a' | 'b'): Started | undefined => {
    for (const number of [1, 2, 3]) {
      const name = `${kind}-${number}`;
      const mark = variable(device, name, 'mark');
      if (mark === undefined || !/^\d+$/.test(mark) || mark === generation) continue;
      if (save(device, name, 'mark', generation)) return { chosen: slot, how: kind };
    }
    return undefined;
  };
  const found =
    (trial === two && isOtherWhole ? counted('trial', two) : undefined) ??
    counted('active', one) ??
    (isOtherWhole ? counted('other', two) : undefined);
  if (found !== undefined) return found;
  const chosen = isOtherWhole && variable(device, 'turn', 'turn') === one ? two : one;
  save(device, 'turn', 'turn', chosen);
  return { chosen, how: 'turns' };
}

function choiceLine(device: BlockDevice, name: string): string | undefined {
  const first = variable(device, name, 'first');
  const isForm = first !== undefined && /^\d+\.[ab]\.[ab-]\.[01][01]$/.test(first);
  return isForm && first === variable(device, name, 'second') ? first : undefined;
}

function textOf(device: BlockDevice, name: string): string | undefined {
  try {
    const text = Buffer.from(device.readSector(sectorOf(name))).toString('latin1');
    return text.startsWith('# GRUB Environment Block\n') ? text : undefined;
  } catch {
    return undefined;
  }
}

function variable(device: BlockDevice, name: string, key: string): string | undefined {
  const lines = textOf(device, name)?.split('\n') ?? [];
  return lines.findLast((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
}

function save(device: BlockDevice, name: string, key: string, value: string): boolean {
  const text = textOf(device, name);
  if (text === undefined) return false;
  const changed = text.replace(new RegExp(`(?<=\n${key}=).*`), value);
  try {
    device.writeSector(sectorOf(name), Buffer.from(changed.slice(0, text.length), 'latin1'));
    device.flush();
    return variable(device, name, key) === value;
  } catch {
    return false;
  }
}
