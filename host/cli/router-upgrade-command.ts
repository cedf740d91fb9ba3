/**
 * `sekisho router upgrade`: another version into the board's idle slot. It does the work itself, beside a router that runs or without one,
 * so that it works on a serial console when nothing else does; what both write they write in turn.
 */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import type { WritingProgress } from '../release/slot-writing.ts';
import { exitCode } from './exit-code.ts';
import { type FlashPlaceOptions, flashPathsOf } from './flash-place.ts';
import { type OutputOptions, print } from './output.ts';

interface UpgradeOptions extends OutputOptions, FlashPlaceOptions {
  readonly check?: boolean;
  readonly release?: string;
  readonly allowOlder?: boolean;
  readonly restart: boolean;
  readonly config?: string;
}

export function addRouterUpgradeCommand(parent: Command): void {
  parent
    .command('upgrade')
    .summary('install another version')
    .description(
      'Fetches a release into the slot that does not run, reads it back, and restarts the board to try it: it stays when the\n' +
        'router reaches its server with it, and is left again by itself when it does not. Only what the publisher signed is\n' +
        'taken; an attempt that was interrupted goes on where it was. For a board with slots.',
    )
    .argument('[source]', 'address of a repository, or a bundle file (default: upgrade.url of the settings)')
    .option('--check', 'only look what there is')
    .option('--release <version>', 'this version (default: the newest)')
    .option('--allow-older', 'also a version that is not newer than what runs')
    .option('--no-restart', 'leave the restart to somebody else; until then nothing changes')
    .option('--json', 'print {"version", "octets", …}; progress as lines of JSON on standard error')
    .addHelpText(
      'after',
      `
Examples:
  sekisho router upgrade --check
  sekisho router upgrade http://203.0.113.9/releases/
  sekisho router upgrade /run/stick/router-1.4.0.bundle --no-restart

--config FILE or --flash DEVICE say whose settings have upgrade.url; by default the board's own config flash.

Exit codes: 0 done, or with --check: there is a newer version; 1 refused, or nothing newer; 2 wrong command line`,
    )
    .action(async (source: string | undefined, _: unknown, command: Command) =>
      upgrade(source, command.optsWithGlobals()),
    );
}

async function upgrade(place: string | undefined, options: UpgradeOptions): Promise<void> {
  const { openMachine, openSource } = await import('../router/board-upgrade.ts');
  const { Refusal } = await import('../release/refusal.ts');
  const { checkForRelease, versionUp } = await import('../release/version-up.ts');
  const machine = openMachine(options.flash);
  if (machine === undefined) {
    throw new HostError(
      'PLATFORM',
      'this machine is no board with slots: its system and this software are upgraded by other means',
    );
  }
  const refuse = (code: string, message: string): void => {
    process.stderr.write(`sekisho: ${message} (${code})\n`);
    if (options.json === true) print({ installed: false, code, message }, options, () => '');
    process.exitCode = exitCode.notOk;
  };
  try {
    const source = openSource(place ?? (await configuredUrl(options)));
    try {
      const wish = {
        source,
        ...(options.release === undefined ? {} : { version: options.release }),
        ...(options.allowOlder === undefined ? {} : { allowOlder: options.allowOlder }),
      };
      if (options.check === true) {
        const offer = await checkForRelease(machine, wish);
        if (!offer.ok) return refuse(offer.code, offer.message);
        return print(
          offer.value,
          options,
          ({ version, running, octets }) => `${version} is there, ${octets} octets; ${running} runs`,
        );
      }
      const done = await versionUp(machine, wish, progressLine(options.json === true));
      if (!done.ok) return refuse(done.code, done.message);
      const value = { installed: true, restarting: options.restart, ...done.value };
      print(value, options, ({ version, slot }) =>
        options.restart
          ? `${version} is in slot ${slot} and on trial; restarting`
          : `${version} is in slot ${slot}; the next start tries it`,
      );
    } finally {
      source.close();
    }
  } catch (error) {
    if (error instanceof Refusal) return refuse(error.code, error.message);
    throw error;
  }
  if (!options.restart) return;
  const { restartMachine } = await import('../platform/restart.ts');
  restartMachine();
}

/** What the settings say. @throws HostError CONFIG_INVALID when they say nothing */
async function configuredUrl({ config, ...place }: UpgradeOptions): Promise<string> {
  const { parseRouterFile } = await import('../router/settings-file.ts');
  let url: string | undefined;
  if (config !== undefined) {
    const { readFileSync } = await import('node:fs');
    url = parseRouterFile(readFileSync(config, 'utf8'), config).upgrade?.url;
  } else {
    const { boardPartition } = await import('../platform/board-disk.ts');
    const { lookAtUnusedFlash } = await import('./unused-flash.ts');
    const paths = flashPathsOf(place, boardPartition('config')?.path);
    const { settings } = lookAtUnusedFlash(paths);
    url = settings === null ? undefined : parseRouterFile(settings, paths.device).upgrade?.url;
  }
  if (url !== undefined) return url;
  throw new HostError(
    'CONFIG_INVALID',
    'the settings have no upgrade.url: name an address or a bundle, or set it with `sekisho router config set upgrade.url URL`',
  );
}

/** One line that changes on a terminal; ten lines for a log; each step for a program. */
function progressLine(isJson: boolean): (state: WritingProgress) => void {
  const { stderr } = process;
  let last = '';
  return (state) => {
    const { step, octets, total } = state;
    if (isJson) {
      stderr.write(`${JSON.stringify(state)}\n`);
      return;
    }
    const percent = Math.floor((100 * octets) / total);
    const shown = stderr.isTTY ? percent : percent - (percent % 10);
    const line = `${words[step]} ${String(shown).padStart(3)} %`;
    if (line === last) return;
    last = line;
    stderr.write(stderr.isTTY ? `\r${line}${octets === total ? '\n' : ''}` : `${line}\n`);
  };
}

const words = { recognise: 'looking what is there', write: 'writing', 'read-back': 'reading back' } as const;
