/**
 * Images of boards, built and started in QEMU until the router is up. The short form, in `npm test`, starts one board with its
 * kernel given from outside; `npm run test:qemu` starts each board by its own firmware too.
 */
import { statSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { boardNames } from '../../tools/image/boards.ts';
import type { Image } from '../../tools/image/build.ts';
import { describeWith } from '../requirements.ts';
import { BoardUnderTest, build, buildWithinMs, isLongForm, upWithinMs } from './board-under-test.ts';

/** The line that the router logs when TUN, sockets, nftables and routes are in place. */
const routerIsUp = /"event":"started".*"msg":"router tokyo \d+\.\d+\.\d+, revision 1 of \/dev\/\w+"/;
const boards = isLongForm ? boardNames() : ['qemu-x86_64'];
/** Through the boot loader. GRUB and UEFI hold their own beside the kernel. */
const memoryMebibytes = 384;
/** Longer than both waits of a test together, whose own errors show the console. */
const waitsWithinMs = 2 * upWithinMs + 60_000;
/** So that the next version fits too: a slot's place has 67.1 MB. */
const slotOctetsMax = 42e6;

let running: BoardUnderTest | undefined;

afterEach(async () => {
  await running?.end();
  running = undefined;
});

describeWith(['qemu', 'image tools', 'debian amd64', 'swtpm'], 'an image in QEMU', () => {
  describe.each(boards)('for %s', (name) => {
    let image: Image;

    beforeAll(async () => {
      image = await build(name);
    }, buildWithinMs);

    it('has a slot that leaves a third of its place free', () => {
      const { size } = statSync(image.slot);
      process.stdout.write(`slot of ${name}: ${(size / 1e6).toFixed(1)} MB\n`);
      expect(size).toBeLessThanOrEqual(slotOctetsMax);
    });

    it(
      'starts with its kernel given from outside, in 256 MiB',
      async () => {
        running = await BoardUnderTest.start(name, image, { by: 'kernel', memoryMebibytes: 256 });
        const { console } = running.guest;
        await console.waitFor(new RegExp(`sekisho: [\\d.]+ on ${name}, slot a`), upWithinMs);
        await console.waitFor(routerIsUp, upWithinMs);
        expect(console.text).not.toMatch(/can't load module|no Ethernet port|no watchdog|compiled anew/);
      },
      waitsWithinMs,
    );

    if (isLongForm)
      it(
        'starts by firmware and boot loader, in 384 MiB',
        async () => {
          running = await BoardUnderTest.start(name, image, { by: 'firmware', memoryMebibytes });
          const { console } = running.guest;
          await console.waitFor(/starting slot a/, upWithinMs);
          await console.waitFor(routerIsUp, upWithinMs);
        },
        waitsWithinMs,
      );
  });
});
