/** `sekisho router self-test`: does a packet go to the setting server and come back, through SAs set up for it? */
import { type Command, InvalidArgumentError } from 'commander';
import { selfTestResultSchema } from '../model/status.ts';
import { routerSocket, tell } from './control-client.ts';
import { foundProblem, type OutputOptions, print } from './output.ts';
import { renderFacts } from './text-table.ts';

const marginMs = 5000;

export function addRouterSelfTestCommand(parent: Command): void {
  parent
    .command('self-test')
    .summary('send a packet to the server and back, through SAs of its own')
    .description(
      "Sets SAs with the setting server's echo peer up, as with any other router, sends a packet through them, waits for the\n" +
        'reply and takes the SAs down. That takes channel, setting protocol, keys, packet engine and path. No other SA is\n' +
        'touched, and no policy or SPD entry needed.',
    )
    .option('--within <seconds>', 'how long it may take, 0.1 to 120', seconds, 10)
    .option('--json', 'print {"ok", "milliseconds", "legs", "reason"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho router self-test
  sekisho router self-test --within 60 --json

Exit codes: 0 the packet came back, 1 it did not, and why, 2 wrong command line, 3 no router answers`,
    )
    .action(async (_: unknown, command: Command) => {
      const options: OutputOptions & { within: number; socket?: string } = command.optsWithGlobals();
      const withinMs = options.within * 1000;
      const socket = options.socket ?? routerSocket;
      const result = await tell(
        socket,
        '/self-test',
        selfTestResultSchema,
        { withinMs },
        withinMs + marginMs,
      );
      print(result, options, ({ ok, milliseconds, legs, reason = '' }) =>
        renderFacts([
          ['self-test', ok ? `passed in ${rounded(milliseconds)}` : `failed: ${reason}`],
          ['channel', legs.channelMs === null ? 'none' : `there after ${rounded(legs.channelMs)}`],
          [
            'SAs',
            legs.keysMs === null ? 'none' : `in place ${rounded(legs.keysMs)} after they were asked for`,
          ],
          ['packet', legs.echoMs === null ? 'not back' : `back after ${rounded(legs.echoMs)}`],
        ]),
      );
      if (!result.ok) foundProblem();
    });
}

function rounded(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text !== '' && value >= 0.1 && value <= 120) return value;
  throw new InvalidArgumentError('expected 0.1 to 120 seconds.');
}
