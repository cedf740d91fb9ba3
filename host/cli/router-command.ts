/** `sekisho router`: runs a router in the foreground. All it does is in host/router/main.ts. */
import type { Command } from 'commander';

export function addRouterCommand(parent: Command): void {
  parent
    .command('router')
    .summary('run a router')
    .description(
      'Runs a router in the foreground: protects the packets that FILE names, and asks the setting server\n' +
        'for everything else. It makes a TUN device, routes and an nftables table of its own, so it needs\n' +
        'root (CAP_NET_ADMIN, CAP_NET_RAW). The nftables table stays when the process dies: what should\n' +
        'be protected never leaves in clear. SIGTERM ends it, SIGHUP reads the SPD of FILE anew.',
    )
    .requiredOption('-c, --config <file>', 'YAML file with identity, server and SPD')
    .option('--socket <path>', 'control socket (default: as in the file, or /run/sekisho/router.sock)')
    .addHelpText(
      'after',
      `
Examples:
  sekisho policy check router.yaml && sekisho router --config router.yaml
  sekisho status                  is the channel up, which entries have SAs?
  sekisho spd; sekisho sad        the tables, without keys

Exit codes: 0 ended by a signal, 1 the file or the machine does not allow it, 2 wrong command line`,
    )
    .action(async (options: { config: string; socket?: string }) => {
      const { main } = await import('../router/main.ts');
      await main(options);
    });
}
