/** The partition `boot` next to another tar: whoever looks into a board's disk finds files in it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { bootFiles, markFiles, placeOctets, unsetMark } from '../../../host/slots/boot-archive.ts';
import { decodeChoice } from '../../../host/slots/boot-choice.ts';
import { decodeEnvironment } from '../../../host/slots/environment-block.ts';
import { BoardWorld } from '../../fault/slots/board-world.ts';
import { describeWith } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'sekisho-boot-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeWith(['tar'], 'the partition boot', () => {
  it('is unpacked by tar to the files that the boot loader goes by, as they are now', () => {
    const world = BoardWorld.fromFactory();
    world.versionUp('a', 2);
    world.start();
    const { status, stderr } = spawnSync('tar', ['-xf', '-', '-C', folder], {
      input: world.boot.octets(),
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    const rooms = bootFiles.map((_, index) => `room-${index}`);
    expect(readdirSync(folder).sort()).toEqual([...bootFiles, ...rooms].sort());
    const content = (file: string) => Uint8Array.from(readFileSync(join(folder, file)));
    for (const file of bootFiles) expect(content(file)).toHaveLength(placeOctets);
    const choice = decodeChoice(content('choice-1'));
    expect(choice).toMatchObject({ active: 'a', trial: 'b', isComplete: { a: true, b: true } });
    expect(content('choice-2')).toEqual(content('choice-1'));
    expect(Number(decodeEnvironment(content('trial-1'))?.get('mark'))).toBe(choice?.generation);
    const set = markFiles.filter((file) => Buffer.compare(content(file), unsetMark) !== 0);
    expect(set).toEqual(['trial-1']);
  });
});
