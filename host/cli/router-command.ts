/**
 * `sekisho router`: runs a router in the foreground, which is host/router/main.ts and flash-main.ts, and changes the settings on
 * its config flash.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { HostError } from '../model/host-error.ts';
import { addFlashOptions, type FlashPlaceOptions, keyStoreOf } from './flash-place.ts';
import { addRouterConfigCommand } from './router-config-command.ts';
import { addRouterSelfTestCommand } from './router-self-test-command.ts';
import { addRouterUpgradeCommand } from './router-upgrade-command.ts';

interface RouterOptions extends FlashPlaceOptions {
  readonly config?: string;
  readonly waitForSettings?: boolean;
  readonly socket?: string;
  readonly heartbeat?: string;
  readonly workers?: number;
}

/** @param worker entry point of the worker thread, where it is not beside host/router/main.ts */
export function addRouterCommand(parent: Command, worker?: URL): void {
  const router = addFlashOptions(parent.command('router'))
    .summary('run a router, change its settings, test it')
    .description(
      'Runs a router in the foreground: protects the packets that its settings name, and asks the setting server\n' +
        'for everything else. The settings are a YAML file, or on a board the config flash. It makes a TUN device,\n' +
        'routes and an nftables table of its own, so it needs root (CAP_NET_ADMIN, CAP_NET_RAW). The nftables table\n' +
        'stays when the process dies: what should be protected never leaves in clear. SIGTERM ends it, SIGHUP reads\n' +
        'the SPD of FILE anew; the settings of a config flash are changed by `sekisho router config`.',
    )
    .option('-c, --config <file>', 'YAML file with identity, server and SPD')
    .option('--wait-for-settings', 'with --flash: where there are no settings yet, wait for `config apply`')
    .option('--socket <path>', 'control socket (default: as in the settings, or /run/sekisho/router.sock)')
    .option('--workers <n>', 'threads that carry packets, 1 to 4 (default: 1)', workerCount)
    .option('--heartbeat <file>', 'write FILE every 5 s while all is well, for a watchdog (in memory: /run)')
    .addHelpText(
      'after',
      `
Examples:
  sekisho policy check router.yaml && sekisho router --config router.yaml
  sekisho router config apply tokyo.yaml --flash /dev/mmcblk0p4 && sekisho router --flash /dev/mmcblk0p4
  sekisho status                  is the channel up, which entries have SAs?
  sekisho spd; sekisho sad        the tables, without keys

Exit codes: 0 ended by a signal, 1 the settings or the machine do not allow it, 2 wrong command line`,
    )
    .action(async ({ config, waitForSettings, socket, heartbeat, workers, ...place }: RouterOptions) => {
      const { flash } = place;
      const keyStore = keyStoreOf(place);
      const more = {
        ...(socket === undefined ? {} : { socket }),
        ...(heartbeat === undefined ? {} : { heartbeat }),
        ...(workers === undefined ? {} : { workers }),
      };
      if (config !== undefined && flash === undefined && keyStore === undefined) {
        const { main, runRouter } = await import('../router/main.ts');
        const command = { config, ...more };
        await (worker === undefined ? main(command) : runRouter(command, worker));
      } else if (flash !== undefined && config === undefined) {
        const { main, runFlashRouter } = await import('../router/flash-main.ts');
        const command = {
          flash,
          ...(keyStore === undefined ? {} : { keyStore }),
          ...(waitForSettings === undefined ? {} : { waitForSettings }),
          ...more,
        };
        await (worker === undefined ? main(command) : runFlashRouter(command, worker));
      } else {
        throw new HostError(
          'USAGE',
          'expected --config FILE, or --flash DEVICE, which --flash-tpm and --flash-key belong to',
        );
      }
    });
  addRouterConfigCommand(router);
  addRouterSelfTestCommand(router);
  addRouterUpgradeCommand(router);
}

function workerCount(text: string): number {
  if (/^[1-4]$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number from 1 to 4');
}
