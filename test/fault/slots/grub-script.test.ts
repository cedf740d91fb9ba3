/**
 * GRUB itself (grub-emu, the same code as a program) runs choose-slot.cfg over a disk, and does what the model does that the simulated
 * power cuts rely on: chooses the same slot for the same reason, and leaves the same octets. Whole, torn and damaged files,
 * marks of every kind; more of them by `npm run test:qemu`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  bootArchive,
  bootFiles,
  choiceFiles,
  encodeMark,
  encodeTurn,
  placeOctets,
} from '../../../host/slots/boot-archive.ts';
import { type BootChoice, encodeChoice } from '../../../host/slots/boot-choice.ts';
import { describeWith } from '../../requirements.ts';
import { Prng } from '../../simulation/prng.ts';
import { SimulatedDevice } from '../flash/simulated-device.ts';
import { bootLoaderStart, sectorOf } from './boot-loader-model.ts';

const rounds = process.env.SEKISHO_QEMU === 'long' ? 300 : 30;
const script = new URL('../../../tools/image/guest/choose-slot.cfg', import.meta.url);
/** grub-emu has no `linux`: what was chosen is printed. */
const ending = '\necho "chosen: $chosen, $how"\nhalt\n';
const mebibyte = 2 ** 20;
const bootAt = 5 * mebibyte;
const sectors = 2 * bootFiles.length;

const folder = mkdtempSync(join(tmpdir(), 'sekisho-grub-'));
const disk = join(folder, 'disk');

/** A choice in each of its copies, marks and turn, some of them damaged. */
function randomState(prng: Prng): SimulatedDevice {
  const generation = 5 + prng.below(20);
  const choice: BootChoice = {
    generation,
    active: prng.chance(0.5) ? 'a' : 'b',
    trial: [undefined, 'a', 'b'][prng.below(3)] as BootChoice['trial'],
    isComplete: { a: prng.chance(0.8), b: prng.chance(0.8) },
  };
  const archive = bootArchive(choice);
  const put = (file: string, content: Uint8Array): void => archive.set(content, sectorOf(file) * placeOctets);
  const block = encodeChoice(choice, placeOctets);
  const next = encodeChoice(
    { ...choice, generation: generation + 1, active: prng.chance(0.5) ? 'a' : 'b' },
    placeOctets,
  );
  put('choice-1', next);
  if (prng.chance(0.7)) put('choice-1', torn(block, next, prng));
  if (prng.chance(0.2)) put('choice-2', torn(next, block, prng));
  if (prng.chance(0.15)) for (const file of choiceFiles) put(file, new Uint8Array(placeOctets).fill(35));
  const used = prng.chance(0.4) ? 9 : prng.below(10);
  // What counts is mostly the second copy's generation, or mostly the first one's.
  const counted = prng.chance(0.5) ? generation : generation + 1;
  bootFiles.slice(2, 11).forEach((file, index) => {
    if (index < used) put(file, encodeMark(prng.chance(0.95) ? counted : 3));
    if (prng.chance(0.1)) put(file, torn(encodeMark(generation), encodeMark(10 ** 9 * prng.below(9)), prng));
    if (prng.chance(0.1)) put(file, new Uint8Array(placeOctets).fill(prng.below(256)));
  });
  put('turn', prng.chance(0.2) ? new Uint8Array(placeOctets) : encodeTurn(prng.chance(0.5) ? 'a' : 'b'));
  return deviceOf(archive);
}

function torn(before: Uint8Array, after: Uint8Array, prng: Prng): Uint8Array {
  const first = prng.below(80);
  const mixed = Uint8Array.from(before);
  mixed.set(after.subarray(first, first + 1 + prng.below(60)), first);
  return mixed;
}

function deviceOf(octets: Uint8Array): SimulatedDevice {
  return new SimulatedDevice(
    placeOctets,
    sectors,
    Array.from({ length: sectors }, (_, index) =>
      octets.subarray(index * placeOctets, (index + 1) * placeOctets),
    ),
  );
}

/** What GRUB chooses for a disk with this partition, and the partition afterwards. */
function grub(octets: Uint8Array): { readonly said: string; readonly octets: Uint8Array } {
  const content = readFileSync(disk);
  content.set(octets, bootAt);
  writeFileSync(disk, content);
  const { stdout } = spawnSync('grub-emu', ['-d', folder, '-m', join(folder, 'device.map')], {
    encoding: 'utf8',
    env: { ...process.env, TERM: 'dumb' },
    timeout: 60_000,
  });
  const said = /chosen: ([ab], [a-z]+)/.exec(stdout)?.[1] ?? stdout;
  return { said, octets: readFileSync(disk).subarray(bootAt, bootAt + octets.length) };
}

describeWith(['grub-emu', 'image tools'], "GRUB, with the image's script", () => {
  beforeAll(() => {
    writeFileSync(disk, '');
    truncateSync(disk, 8 * mebibyte);
    const partitions = Array.from({ length: 5 }, (_, index) => [
      `--new=${index + 1}:${(index + 1) * 2048}:${(index + 2) * 2048 - 1}`,
    ]);
    expect(spawnSync('sgdisk', ['--clear', '--set-alignment=2048', ...partitions.flat(), disk]).status).toBe(
      0,
    );
    writeFileSync(join(folder, 'device.map'), `(hd0) ${disk}\n`);
    writeFileSync(join(folder, 'grub.cfg'), `set root=hd0,gpt1\n${readFileSync(script, 'utf8')}${ending}`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('does what the model does, which every simulated power cut relies on', () => {
    const prng = new Prng(rounds);
    const reasons = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      const model = randomState(prng);
      const found = grub(model.octets());
      const { chosen, how } = bootLoaderStart(model);
      expect(`${round}: ${found.said}`).toBe(`${round}: ${chosen}, ${how}`);
      expect(Buffer.compare(found.octets, model.octets())).toBe(0);
      reasons.add(how);
    }
    expect([...reasons].sort()).toEqual(['active', 'damaged', 'other', 'trial', 'turns']);
  });

  it('counts a trial down, then goes back, then on to the other slot, then takes turns', () => {
    const choice: BootChoice = { generation: 17, active: 'a', trial: 'b', isComplete: { a: true, b: true } };
    let octets = bootArchive(choice);
    const said = Array.from({ length: 11 }, () => {
      const found = grub(octets);
      octets = Uint8Array.from(found.octets);
      return found.said;
    });
    expect(said).toEqual([
      ...Array<string>(3).fill('b, trial'),
      ...Array<string>(3).fill('a, active'),
      ...Array<string>(3).fill('b, other'),
      'b, turns',
      'a, turns',
    ]);
  });
});
