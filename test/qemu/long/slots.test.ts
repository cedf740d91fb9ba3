/**
 * What the boot loader, the slots and the watchdog do together, in QEMU by firmware and boot loader; by `npm run test:qemu` alone, for it
 * takes minutes. That a good version is kept needs a server, and is the lab's.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Image } from '../../../tools/image/build.ts';
import { hangingSlot, panickingSlot } from '../../../tools/lab/version-up/failing-slots.ts';
import { describeWith } from '../../requirements.ts';
import { BoardUnderTest, build, buildWithinMs, upWithinMs } from '../board-under-test.ts';
import { putOnTrial } from './other-slot.ts';

const boards = ['qemu-x86_64', 'qemu-aarch64'];
const routerIsUp = /"event":"started"/;
const memoryMebibytes = 384;

let running: BoardUnderTest | undefined;

afterEach(async () => {
  await running?.end();
  running = undefined;
});

/** Times that the console has said it. */
const said = (what: RegExp): number =>
  [...(running?.guest.console.text ?? '').matchAll(new RegExp(what, 'g'))].length;

describeWith(['qemu', 'image tools', 'debian amd64', 'swtpm'], 'a board in QEMU', () => {
  describe.each(boards)('%s', (name) => {
    let image: Image;

    beforeAll(async () => {
      image = await build(name);
    }, buildWithinMs);

    it(
      'has its settings after power was cut at any moment of its start',
      async () => {
        running = await BoardUnderTest.start(name, image, { by: 'firmware', memoryMebibytes });
        await running.guest.console.waitFor(/starting slot a \(active\)/, upWithinMs);
        await running.cutAndStart();
        await running.guest.console.waitFor(/sekisho: [\d.]+ on/, upWithinMs);
        await running.cutAndStart();
        await running.guest.console.waitFor(routerIsUp, upWithinMs);
        await running.cutAndStart();
        await running.guest.console.waitFor(/starting slot a \(active\)/, upWithinMs);
        await running.guest.console.waitFor(/"event":"started".*revision 1 of/, upWithinMs);
      },
      5 * upWithinMs,
    );

    it(
      'goes back from a version that panics three times, and says so',
      async () => {
        const slot = panickingSlot(image);
        running = await BoardUnderTest.start(name, image, {
          ...{ by: 'firmware', memoryMebibytes },
          prepare: (disk, board) => putOnTrial(disk, board, slot),
        });
        const { console } = running.guest;
        await console.waitFor(/starting slot a \(active\)/, 4 * upWithinMs);
        expect(said(/starting slot b \(trial\)/)).toBe(3);
        await console.waitFor(/3 starts of it ended without a word/, upWithinMs);
        await console.waitFor(routerIsUp, upWithinMs);
      },
      6 * upWithinMs,
    );

    it(
      'is reset by its watchdog when its router gives no sign of life',
      async () => {
        const slot = hangingSlot(image);
        running = await BoardUnderTest.start(name, image, {
          ...{ by: 'firmware', memoryMebibytes },
          prepare: (disk, board) => putOnTrial(disk, board, slot),
        });
        const { console, monitor } = running.guest;
        await console.waitFor(/starting slot b \(trial\)/, upWithinMs);
        await console.waitFor(/not well for 180 s: the watchdog resets this board/, upWithinMs);
        await monitor.waitFor('WATCHDOG', 1, upWithinMs);
        await console.waitFor(/starting slot b \(trial\)[\s\S]*starting slot b \(trial\)/, upWithinMs);
      },
      5 * upWithinMs,
    );
  });
});
