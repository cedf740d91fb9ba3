/** `sekisho policy explain`: which distribution policy two routers would get, and why. */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import type { Prefix } from '../model/prefix.ts';
import { foundProblem, type OutputOptions, print } from './output.ts';
import { formatPacket, parsePacket } from './packet-text.ts';
import { readSettings } from './settings-text.ts';

interface ExplainOptions extends OutputOptions {
  readonly config: string;
}

export function addPolicyExplainCommand(parent: Command): void {
  parent
    .command('explain')
    .summary('which policy would two routers get, and why?')
    .description(
      'Looks up the distribution policies of two routers as the server would, and says of each policy of the pair\n' +
        'whether it applies and why not. With a selector: which one a packet from A would get.',
    )
    .argument('<a>', 'name of a router')
    .argument('<b>', 'name of the other router')
    .argument(
      '[selector...]',
      'a packet as A sends it: [ADDRESS ADDRESS] PROTOCOL [PORT | PORT:PORT | TYPE/CODE]',
    )
    .option('-c, --config <file>', "the server's settings", '/etc/sekisho/server.yaml')
    .option('--json', 'print the explanation as JSON')
    .addHelpText(
      'after',
      `
Examples:
  sekisho policy explain tokyo osaka --config server.yaml
  sekisho policy explain tokyo osaka tcp 443
  sekisho policy explain tokyo osaka 10.1.0.5 10.2.0.9 udp 5000:53
  sekisho policy explain tokyo osaka icmp 8/0

Exit codes: 0 a policy applies, 1 none does or the file has mistakes, 2 wrong command line`,
    )
    .action(async (a: string, b: string, words: string[], options: ExplainOptions) => {
      const { file, text, role } = readSettings(options.config);
      if (role !== 'server') {
        throw new HostError(
          'USAGE',
          `${file} is the file of a router; policies are in the server's, name it with --config`,
        );
      }
      const { parsePolicyFile } = await import('../server/distribution-policies/policy-file.ts');
      const { PolicySet } = await import('../server/distribution-policies/policy-set.ts');
      const { explainPolicy, formatExplanation } = await import('../server/distribution-policies/explain.ts');
      const settings = parsePolicyFile(text, file);
      // Revisions tell reloads apart; here there is none.
      const policies = settings.distributionPolicies.map((draft) => ({ ...draft, revision: 0 }));
      const set = new PolicySet(settings.routers, policies);
      const networks = (name: string): readonly Prefix[] => set.router(name)?.networks ?? [];
      const known = set.router(a) !== undefined && set.router(b) !== undefined;
      const packet = words.length > 0 && known ? parsePacket(words, networks(a), networks(b)) : undefined;
      const explanation = explainPolicy(set, a, b, packet);
      const packetText = packet === undefined ? null : formatPacket(packet);
      const { applies = null, obstacle = null } = explanation;
      print({ ...explanation, packet: packetText, applies, obstacle }, options, () =>
        [...(packetText === null ? [] : [`packet: ${packetText}`]), formatExplanation(explanation)].join(
          '\n',
        ),
      );
      if (obstacle !== null || (packet !== undefined && applies === null)) foundProblem();
    });
}
