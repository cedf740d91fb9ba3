/** `npm run image`: the router as a flashable disk image. docs/image.md tells what is in it and how it starts. */
import { join } from 'node:path';
import { HostError } from '../../host/model/host-error.ts';
import { boardNames, loadBoard } from './boards.ts';
import { buildImage, cacheFolder } from './build.ts';
import { DebianMirror } from './debian-mirror.ts';
import { readOptions, usage } from './options.ts';
import { renewPins } from './package-pins.ts';

async function run(args: readonly string[]): Promise<void> {
  const command = readOptions(args);
  if (command === 'help') {
    console.log(usage);
    return;
  }
  const startedAt = performance.now();
  const say = (line: string): void =>
    console.error(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s] ${line}`);
  if ('pin' in command) {
    const boards = await Promise.all(boardNames().map(loadBoard));
    const kernels = { x86_64: new Set<string>(), aarch64: new Set<string>() };
    for (const { architecture, kernel } of boards) kernels[architecture].add(kernel);
    renewPins(
      { x86_64: [...kernels.x86_64], aarch64: [...kernels.aarch64] },
      new DebianMirror(join(cacheFolder, 'apt'), command.mirror, say),
    );
    say('tools/image/debian-packages.json is new: build, test, commit');
    return;
  }
  await buildImage(command, say);
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof HostError)) throw error;
  console.error(`image: ${error.message}`);
  process.exitCode = error.code === 'USAGE' ? 2 : 1;
}
