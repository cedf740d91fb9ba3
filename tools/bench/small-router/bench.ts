/**
 * `npm run bench -- small-router`: what a first packet waits for on a router of 60 MHz: with the setting server, and with IKEv2 and
 * modp1536 by strongSwan, each in a guest slowed alike.
 */
import { spawnSync } from 'node:child_process';
import { HostError } from '../../../host/model/host-error.ts';
import { type BoardImage, obtainBoardImage } from '../../lab/board-image.ts';
import { plugInGuests } from '../../lab/guest-wires.ts';
import { extendSearchPath } from '../../lab/privileges.ts';
import { nodeCommand, repository } from '../../lab/processes.ts';
import {
  type Bench,
  type BenchOptions,
  type BenchOutcome,
  type BenchRow,
  BenchUsageError,
} from '../bench.ts';
import { onStage } from '../stage.ts';
import { median } from '../statistics.ts';
import { measureIkev2 } from './ikev2.ts';
import { measureSettingServer } from './setting-server.ts';
import { instructionsPerSecond } from './slow-machine.ts';

const board = 'qemu-x86_64';
const ours = 'setting server';
const theirs = 'IKEv2 modp1536';

interface SmallRouterRow extends BenchRow {
  /** Of the guest's time, for each first packet, the first set-up of a program first. */
  readonly milliseconds: readonly number[];
}

export const smallRouterBench: Bench = {
  names: [ours, theirs],
  async run({ only, progress }: BenchOptions): Promise<BenchOutcome> {
    extendSearchPath();
    if (process.getuid?.() !== 0)
      throw new BenchUsageError('small-router: expected root, for network namespaces');
    const { status } = spawnSync(nodeCommand, ['tools/setup.mjs', 'interop'], {
      cwd: repository,
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) throw new BenchUsageError('small-router: something is missing, see above');
    const isChosen = (name: string): boolean => only === undefined || only.includes(name);
    const plug = (plan: Parameters<typeof plugInGuests>[0]) => plugInGuests(plan, new Set(['tokyo']));
    try {
      const rows: SmallRouterRow[] = [];
      if (isChosen(theirs)) {
        const milliseconds = await onStage('small-ike', progress, (stage) => measureIkev2(stage, progress), {
          plug,
        });
        rows.push({ bench: 'small-router', name: theirs, milliseconds, ratio: {} });
      }
      if (isChosen(ours)) {
        const image: BoardImage = await obtainBoardImage(board, progress);
        const milliseconds = await onStage(
          'small-router',
          progress,
          (stage) => measureSettingServer(stage, image, progress),
          { plug },
        );
        const [other] = rows;
        const ratio =
          other === undefined ? {} : { [theirs]: median(other.milliseconds) / median(milliseconds) };
        rows.unshift({ bench: 'small-router', name: ours, milliseconds, ratio });
      }
      return { rows, text: render(rows) };
    } catch (error) {
      if (error instanceof HostError) throw new BenchUsageError(error.message);
      throw error;
    }
  },
};

function render(rows: readonly SmallRouterRow[]): string {
  const lines = rows.map(({ name, milliseconds, ratio }) => {
    const [times] = Object.values(ratio);
    return [
      name.padEnd(16),
      `median ${median(milliseconds).toFixed(0).padStart(6)} ms`,
      `first ${milliseconds[0]?.toFixed(0).padStart(6)} ms`,
      `of ${milliseconds.length}`,
      times === undefined || times === null ? '' : `${times.toFixed(2)} times as fast as ${theirs}`,
    ].join('  ');
  });
  const speed = instructionsPerSecond / 1e6;
  return [
    `A first packet's wait in a guest of ${speed} million instructions a second, by the guest's clock`,
    ...lines,
  ].join('\n');
}
