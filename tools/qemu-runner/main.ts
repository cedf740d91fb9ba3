/** `npm run guest`: a board of boards/ at this terminal. README.md beside this file has examples. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HostError } from '../../host/model/host-error.ts';
import { boardNames, loadBoard } from '../image/boards.ts';
import { kernelCommandLine } from '../image/boot-loader.ts';
import { imageIn } from '../image/build.ts';
import { copyWithSettings } from '../image/settings.ts';
import { endOnSignal } from '../lab/end-on-signal.ts';
import { BoardGuest } from './board-guest.ts';
import type { CableEnd } from './cable-end.ts';
import { makeOverlay } from './overlay.ts';

const usage = `npm run guest -- --board BOARD [OPTIONS]
  Starts a board's image in QEMU; its serial console is this terminal's, Ctrl-C cuts the power.

  --board BOARD         one of: ${boardNames().join(', ')}
  --image DIR           where its image is (default: build/image/BOARD)
  --disk FILE           a disk that stays, made from the image if it is not there, with what the board's TPM keeps in FILE.tpm
                        (default: one that is gone afterwards)
  --settings DIR        settings for a disk that is made (docs/image.md)
  --kernel              the kernel given from outside, in place of firmware and boot loader
  --memory MIB          (default: 384)
  --tap PORT=INTERFACE  cables port PORT, counted from 0 as in the board's data, to a TAP interface of this machine; repeatable
  --log FILE            keeps what the console prints
  --help                print this`;

function readOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        board: { type: 'string' },
        image: { type: 'string' },
        disk: { type: 'string' },
        settings: { type: 'string' },
        kernel: { type: 'boolean' },
        memory: { type: 'string', default: '384' },
        tap: { type: 'string', multiple: true, default: [] },
        log: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw new HostError('USAGE', `${cause instanceof Error ? cause.message : String(cause)}\n\n${usage}`, {
      cause,
    });
  }
}

/** The cable of each of `ports` ports. Throws HostError USAGE for one that the board does not have. */
function cablesOf(ports: number, taps: readonly string[]): CableEnd[] {
  const cables = Array.from({ length: ports }, (): CableEnd => ({ kind: 'unplugged' }));
  for (const tap of taps) {
    const [, port, name] = /^(\d+)=([\w.-]{1,15})$/.exec(tap) ?? [];
    if (name === undefined || Number(port) >= ports)
      throw new HostError(
        'USAGE',
        `--tap: expected PORT=INTERFACE with a port from 0 to ${ports - 1}, found ${tap}`,
      );
    cables[Number(port)] = { kind: 'tap', interface: name };
  }
  return cables;
}

async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options.help) {
    console.log(usage);
    return;
  }
  const { board: name, disk: ownDisk, settings } = options;
  if (name === undefined || !boardNames().includes(name))
    throw new HostError(
      'USAGE',
      `--board: expected one of ${boardNames().join(', ')}, found ${name ?? 'nothing'}`,
    );
  const memoryMebibytes = Number(options.memory);
  if (!Number.isInteger(memoryMebibytes) || memoryMebibytes < 64)
    throw new HostError('USAGE', `--memory: expected at least 64 MiB, found ${options.memory}`);
  const board = await loadBoard(name);
  const { qemu: machine } = board;
  if (machine === undefined) throw new HostError('USAGE', `boards/${name} says nothing of a virtual machine`);
  const cables = cablesOf(board.ports.length, options.tap);
  const image = imageIn(options.image ?? `build/image/${name}`);
  if (!existsSync(image.disk))
    throw new HostError('PLATFORM', `${image.disk} is missing: npm run image -- --board ${name}`);
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-guest-disk-'));
  try {
    const disk = ownDisk ?? join(folder, 'disk.qcow2');
    if (!existsSync(disk)) {
      // A disk that stays keeps its settings beside it: an overlay needs what it lies over.
      const base =
        settings === undefined
          ? image.disk
          : ownDisk === undefined
            ? join(folder, 'disk.img')
            : `${ownDisk}.base`;
      if (settings !== undefined) copyWithSettings(image.disk, base, board, settings);
      makeOverlay(disk, base);
    }
    const guest = await BoardGuest.start({
      ...{ machine, memoryMebibytes, disk, cables, consoleLog: options.log },
      start: options.kernel
        ? {
            kind: 'kernel',
            kernel: image.kernel,
            firstFileSystem: image.firstFileSystem,
            commandLine: kernelCommandLine(board, 'a'),
          }
        : { kind: 'firmware' },
      onConsole: (octets) => process.stdout.write(octets),
    });
    process.stdin.on('data', (typed) => guest.console.write(typed.toString('latin1')));
    const ended = await Promise.race([guest.ended, endOnSignal()]);
    await guest.cutPower();
    if (ended !== 'interrupted') console.error(`guest: ${ended}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof HostError)) throw error;
  console.error(`guest: ${error.message}`);
  process.exitCode = error.code === 'USAGE' ? 2 : 1;
}
process.exit();
