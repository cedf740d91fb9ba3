/** Board data: what the type does not say is refused with what was expected. */
import { describe, expect, it } from 'vitest';
import type { Board } from '../../../../boards/board.ts';
import { boardNames, checkBoard, interfaceName, loadBoard } from '../../../../tools/image/boards.ts';
import { kernelCommandLine } from '../../../../tools/image/boot-loader.ts';
import { partitionsOf } from '../../../../tools/image/disk.ts';

const sample = await loadBoard('qemu-x86_64');
const check = (change: Partial<Board>) => () => checkBoard({ ...sample, ...change }, 'boards/x/board.ts');

it.each(boardNames())('%s is in order', async (name) => {
  await expect(loadBoard(name)).resolves.toMatchObject({ description: expect.any(String) });
});

describe('a board', () => {
  it.each<[string, Partial<Board>, string]>([
    [
      'with a slot that nothing fits into',
      { slotMebibytes: 1 },
      'slotMebibytes: expected a whole number from 16 to 1024, found 1',
    ],
    [
      'with half a MiB',
      { configMebibytes: 1.5 },
      'configMebibytes: expected a whole number from 1 to 1024, found 1.5',
    ],
    [
      'whose watchdog bites at once',
      { watchdog: { modules: [], timeoutSeconds: 1 } },
      'watchdog.timeoutSeconds: expected a whole number from 10 to 600, found 1',
    ],
    [
      'with a shell in a module name',
      { modules: { disk: ['a;reboot'], devices: [] } },
      'modules: expected names, found a;reboot',
    ],
    [
      'with a shell in the driver of its key store',
      { keyStore: { kind: 'tpm2', modules: ['$(reboot)'] } },
      'modules: expected names, found $(reboot)',
    ],
    [
      'without a serial line',
      { console: 'tty S0' },
      'console: expected a serial line such as ttyS0,115200, found tty S0',
    ],
    ['with one side only', { ports: [{ side: 'protected', at: 0 }] }, 'ports: none on the unprotected side'],
    [
      'with two ports at a place',
      {
        ports: [
          { side: 'protected', at: 0 },
          { side: 'unprotected', at: 0 },
        ],
      },
      'ports: two of them are at one place',
    ],
    [
      'with a pattern for a place',
      {
        ports: [
          { side: 'protected', at: '*' },
          { side: 'unprotected', at: 0 },
        ],
      },
      'ports: expected a bus address or a number, found *',
    ],
  ])('%s is refused', (_, change, message) => {
    expect(check(change)).toThrow(`boards/x/board.ts: ${message}`);
  });

  it('names its ports by side and number', () => {
    const ports = [
      { side: 'unprotected', at: 0 },
      { side: 'protected', at: 1 },
      { side: 'protected', at: 2 },
    ] as const;
    expect(ports.map((port) => interfaceName(ports, port))).toEqual([
      'unprotected0',
      'protected0',
      'protected1',
    ]);
  });

  it('has partitions that neither touch nor overlap', () => {
    const places = Object.values(partitionsOf(sample));
    for (const [index, { offset, octets }] of places.entries()) {
      expect(offset % 2 ** 20).toBe(0);
      expect(places[index + 1]?.offset ?? offset + octets).toBe(offset + octets);
    }
  });

  it('restarts after a panic: the boot loader counts on it', () => {
    expect(kernelCommandLine(sample, 'b')).toBe(
      'console=tty0 console=ttyS0,115200 quiet panic=10 sekisho.slot=b',
    );
  });
});
