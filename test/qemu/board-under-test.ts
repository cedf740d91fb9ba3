/** An image built for a test, and its board started with settings: everything that was made is gone afterwards. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Board, QemuMachine } from '../../boards/board.ts';
import { loadBoard } from '../../tools/image/boards.ts';
import { kernelCommandLine } from '../../tools/image/boot-loader.ts';
import { type Image, imageIn } from '../../tools/image/build.ts';
import { copyWithSettings } from '../../tools/image/settings.ts';
import { BoardGuest } from '../../tools/qemu-runner/board-guest.ts';
import { makeOverlay } from '../../tools/qemu-runner/overlay.ts';

/** Downloads on a slow line, and two cores with other things to do. */
export const buildWithinMs = 1_800_000;
/** QEMU without hardware virtualization, on a busy machine. */
export const upWithinMs = 600_000;

/** Minutes for each board, asked for by `npm run test:qemu`. */
export const isLongForm = process.env.SEKISHO_QEMU === 'long';

/** Builds in a process of its own, so that this one keeps answering the test runner. */
export async function build(board: string, out = `build/image/test-${board}`): Promise<Image> {
  const args = ['tools/image/main.ts', '--board', board, '--out', out, '--allow-newer'];
  await promisify(execFile)(process.execPath, args, { timeout: buildWithinMs, maxBuffer: 2 ** 24 });
  return imageIn(out);
}

const routerFile = `version: 1
name: tokyo
credential: { preSharedKeyFile: tokyo.psk }
server: { address: 192.0.2.10 }
unprotected: { interface: unprotected0 }
protected: { interfaces: [protected0] }
network:
  addresses: { unprotected0: [192.0.2.1/24], protected0: [10.1.0.1/24] }
  routes: [{ to: default, via: 192.0.2.254 }]
spd:
  - name: to-osaka
    selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16 }
    action: PROTECT
    requestPeer: osaka
`;

/** Of the board, by which it is known to its server. */
export const preSharedKey = 'a key for this test alone';

const diskName = 'disk.qcow2';
const tpmName = 'tpm';

export interface StartOptions {
  readonly by: 'firmware' | 'kernel';
  readonly memoryMebibytes: number;
  /** Changes the disk before the board is started for the first time. */
  readonly prepare?: (disk: string, board: Board) => void;
}

export class BoardUnderTest {
  #guest: BoardGuest;
  readonly #folder: string;
  readonly #power: () => Promise<BoardGuest>;

  private constructor(guest: BoardGuest, folder: string, power: () => Promise<BoardGuest>) {
    this.#guest = guest;
    this.#folder = folder;
    this.#power = power;
  }

  get guest(): BoardGuest {
    return this.#guest;
  }

  /**
   * Cuts the power, and switches the board on again with the same disk.
   *
   * @param meanwhile is given what lies there without power: the disk (qcow2), and the folder with what the board's TPM keeps
   */
  async cutAndStart(meanwhile?: (disk: string, tpmState: string) => void): Promise<void> {
    await this.#guest.cutPower();
    meanwhile?.(join(this.#folder, diskName), join(this.#folder, tpmName));
    this.#guest = await this.#power();
  }

  static async start(
    name: string,
    image: Image,
    { by, memoryMebibytes, prepare }: StartOptions,
  ): Promise<BoardUnderTest> {
    const board = await loadBoard(name);
    const machine: QemuMachine | undefined = board.qemu;
    if (machine === undefined) throw new Error(`boards/${name} says nothing of QEMU`);
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-board-'));
    try {
      const settings = mkdtempSync(join(folder, 'settings-'));
      writeFileSync(join(settings, 'router.yaml'), routerFile);
      writeFileSync(join(settings, 'tokyo.psk'), preSharedKey, { mode: 0o600 });
      const base = join(folder, 'disk.img');
      copyWithSettings(image.disk, base, board, settings);
      prepare?.(base, board);
      const disk = join(folder, diskName);
      makeOverlay(disk, base);
      const power = (): Promise<BoardGuest> =>
        BoardGuest.start({
          ...{ machine, memoryMebibytes, disk, tpmState: join(folder, tpmName) },
          cables: board.ports.map(() => ({ kind: 'unplugged' })),
          start:
            by === 'firmware'
              ? { kind: 'firmware' }
              : {
                  kind: 'kernel',
                  kernel: image.kernel,
                  firstFileSystem: image.firstFileSystem,
                  commandLine: kernelCommandLine(board, 'a'),
                },
        });
      return new BoardUnderTest(await power(), folder, power);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  /** The power is cut and the disk thrown away. */
  async end(): Promise<void> {
    await this.#guest.cutPower();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
