/** `sekisho status`: how the router and the server on this machine are. */
import type { Command } from 'commander';
import { z } from 'zod';
import { HostError } from '../model/host-error.ts';
import { eventRowSchema, routerStatusSchema, serverStatusSchema } from '../model/status.ts';
import { ask, routerSocket, serverSocket } from './control-client.ts';
import { foundProblem, print } from './output.ts';
import { isRouterWell, renderRouterStatus } from './render-router.ts';
import { isServerWell, renderEvents, renderServerStatus } from './render-server.ts';

interface StatusOptions {
  readonly socket?: string;
  readonly events?: boolean;
  readonly json?: boolean;
}

const statusSchema = z.discriminatedUnion('role', [routerStatusSchema, serverStatusSchema]);
type Status = z.output<typeof statusSchema>;

export function addStatusCommand(parent: Command): void {
  parent
    .command('status')
    .summary('how the router and the server on this machine are')
    .description(
      'Shows the state of the router and of the setting server that run on this machine: the channel, each\n' +
        'SPD entry and why one has no SA, the routers that the server sees, and what was counted and dropped.',
    )
    .option('--socket <path>', `ask this one (default: ${routerSocket} and ${serverSocket})`)
    .option('--events', 'show what happened last instead')
    .option('--json', 'print {"router": …, "server": …}, each where it answers')
    .addHelpText(
      'after',
      `
Examples:
  sekisho status
  sekisho status --events
  sekisho status --json | jq .router.drops
  sekisho status --socket /run/sekisho/branch.sock

Exit codes:
  0  all is well
  1  the channel is not up, an SPD entry has failed, a copy of the config flash is not whole, or the policy file has an error
  3  neither answers`,
    )
    .action(async (options: StatusOptions) => {
      if (options.events === true) {
        const found = await askAll(options.socket, '/events', z.array(eventRowSchema));
        print(found, options, (all, width) => blocks(all, (rows) => renderEvents(rows, width)));
        return;
      }
      const found = await askAll(options.socket, '/status', statusSchema);
      print(found, options, (all, width) => blocks(all, (status) => renderStatus(status, width)));
      if (!Object.values(found).every(isWell)) foundProblem();
    });
}

/** What answers at the named socket, or at either default one, by role; not answering is an error only of all. */
async function askAll<Schema extends z.ZodType>(
  socket: string | undefined,
  resource: string,
  schema: Schema,
): Promise<Record<string, z.output<Schema>>> {
  if (socket !== undefined) {
    const { role } = await ask(socket, '/status', statusSchema);
    return { [role]: await ask(socket, resource, schema) };
  }
  const found: Record<string, z.output<Schema>> = {};
  const failures: string[] = [];
  for (const [role, path] of Object.entries({ router: routerSocket, server: serverSocket })) {
    try {
      found[role] = await ask(path, resource, schema);
    } catch (error) {
      if (!(error instanceof HostError && error.code === 'CONTROL_UNREACHABLE')) throw error;
      failures.push(error.message);
    }
  }
  if (Object.keys(found).length > 0) return found;
  throw new HostError('CONTROL_UNREACHABLE', failures.join('\n'));
}

function renderStatus(status: Status, width: number | undefined): string {
  return status.role === 'router' ? renderRouterStatus(status, width) : renderServerStatus(status, width);
}

function isWell(status: Status): boolean {
  return status.role === 'router' ? isRouterWell(status) : isServerWell(status);
}

function blocks<Value>(all: Record<string, Value>, render: (value: Value) => string): string {
  return Object.values(all).map(render).join('\n\n');
}
