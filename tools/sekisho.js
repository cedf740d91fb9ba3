#!/usr/bin/env node
/**
 * The `sekisho` command as npm installs it: plain JavaScript for whatever Node a machine has, which hands over to the
 * pinned Node (it runs TypeScript as it stands) and to host/cli/main.ts. Signals reach the child, its end is ours.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = `${root}node_modules/.bin/node`;

// A checkout that was never set up: the same set-up as for `npm run lab` and `npm test`, without Debian packages.
if (!existsSync(node) || !existsSync(`${root}build/firmware.wasm`)) {
  spawnSync(process.execPath, [`${root}tools/setup.mjs`, 'build'], { stdio: ['ignore', 2, 2] });
  if (!existsSync(node)) {
    console.error(`sekisho: ${node} is missing; run \`npm ci\` in ${root} (Linux on x86-64 or arm64)`);
    process.exit(1);
  }
}
const child = spawn(node, [`${root}host/cli/main.ts`, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) {
  // From the terminal both get SIGINT; the child decides when to end, so we only pass on what it did not get.
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => {
  console.error(`sekisho: cannot run ${node}: ${error.message}; run \`npm ci\` again`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  process.exit(code ?? 128 + constants.signals[signal]);
});
