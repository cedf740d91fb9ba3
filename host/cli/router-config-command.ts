/**
 * `sekisho router config`: the settings on the config flash. Asked of the router that runs, at its control socket, or done to a
 * device that no router uses; what a command does is host/router/config-command.ts's and flash-settings.ts's.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { HostError } from '../model/host-error.ts';
import type { FlashState } from '../model/status.ts';
import { type ConfigRequest, configAnswerSchema, configSchema } from '../router/config-command.ts';
import { ask, routerSocket, tell } from './control-client.ts';
import { exitCode } from './exit-code.ts';
import { type FlashPlaceOptions, flashPathsOf, unusedFlashHelp } from './flash-place.ts';
import { print } from './output.ts';
import { renderFlash } from './render-flash.ts';

interface PlaceOptions extends FlashPlaceOptions {
  readonly socket?: string;
  readonly json?: boolean;
}

interface ChangeOptions extends PlaceOptions {
  readonly seconds?: number;
  readonly manual?: boolean;
  readonly wait: boolean;
}

/** How often the outcome of a trial is looked for. */
const lookEveryMs = 300;

export function addRouterConfigCommand(parent: Command): void {
  const config = parent
    .command('config')
    .summary('the settings on the config flash')
    .description(
      'Shows and changes the settings of a router that has them on a config flash. A change is on trial first: it stays\n' +
        'when the server answers under it, and is taken back by itself when it does not, or when the router ends before.\n' +
        'With --flash it is written to a device that no router uses, and in force when one starts.',
    )
    .addHelpText(
      'after',
      `
Examples:
  sekisho router config show
  sekisho router config set server.address 203.0.113.9
  sekisho router config rollback

Exit codes: as its commands explain`,
    );
  addShow(config);
  addApply(config);
  addSet(config);
  addRollback(config);
  addConfirm(config);
  addFactoryReset(config);
}

function addShow(parent: Command): void {
  placed(parent.command('show'))
    .summary('print them as YAML, without secrets')
    .description(
      'Prints the settings that run, as YAML. Credentials stay on the flash: their names are `flash:…`, and\n' +
        '`apply` takes a file with these names back.',
    )
    .option('--state', 'print the state of the flash instead: revisions, copies, what is damaged')
    .option('--json', 'print {"state": …, "settings": …}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho router config show > tokyo.yaml; vi tokyo.yaml; sekisho router config apply tokyo.yaml
  sekisho router config show --state
  sekisho router config show --flash /dev/mmcblk0p4

Exit codes: 0 shown, 1 it cannot be read, or with --state: something is wrong with it, 3 no router answers`,
    )
    .action(async (_: unknown, command: Command) => {
      const options: PlaceOptions & { readonly state?: boolean } = command.optsWithGlobals();
      const found = await look(options);
      const isBroken = options.state === true && found.state.problems.length > 0;
      print(found, options, () =>
        options.state === true
          ? renderFlash(found.state)
          : `${heading(found.state)}\n${found.settings ?? ''}`.trimEnd(),
      );
      if (isBroken) process.exitCode = exitCode.notOk;
    });
}

function addApply(parent: Command): void {
  changing(parent.command('apply'))
    .summary('take a YAML file')
    .description(
      'Writes the settings of FILE, with the credentials that it holds or names, and puts them in force. FILE is what\n' +
        '`sekisho server enrol` prints, what `show` prints, or any settings file of a router; `-` is standard input.',
    )
    .argument('<file>', 'YAML; with mode 600 where a key is in it')
    .addHelpText(
      'after',
      `
Examples:
  sekisho server enrol tokyo --config server.yaml | ssh tokyo sekisho router config apply - --flash /dev/mmcblk0p4
  sekisho router config apply tokyo.yaml
  sekisho router config apply tokyo.yaml --manual --seconds 300; sekisho router config confirm

${changeCodes}`,
    )
    .action(async (file: string, _: unknown, command: Command) => {
      const { settingsFileOf } = await import('./standard-input-file.ts');
      const { path, remove } = settingsFileOf(file);
      try {
        await change({ what: 'apply', file: path }, command.optsWithGlobals());
      } finally {
        remove();
      }
    });
}

function addSet(parent: Command): void {
  changing(parent.command('set'))
    .summary('change one field')
    .description(
      'Sets one field of the settings, or removes it. An element of a list is named by its place, from 0, by its name, or\n' +
        'by + for a new one at the end. Credentials are not set here.',
    )
    .argument('<field>', 'as in server.port, spd[to-osaka].requestPeer')
    .argument('[value]', 'YAML, quoted for the shell')
    .option('--remove', 'remove the field: it has its default again, or the element is gone')
    .addHelpText(
      'after',
      `
Examples:
  sekisho router config set server.address 203.0.113.9
  sekisho router config set 'spd[+]' '{ name: lan, selector: { local: 10.1.0.0/16, remote: 10.9.0.0/16 }, action: DISCARD }'
  sekisho router config set 'spd[to-osaka]' --remove

${changeCodes}`,
    )
    .action(async (path: string, value: string | undefined, _: unknown, command: Command) => {
      const options: ChangeOptions & { readonly remove?: boolean } = command.optsWithGlobals();
      if ((value === undefined) !== (options.remove === true)) {
        throw new HostError('USAGE', 'expected a value, or --remove');
      }
      const { refuseCredential } = await import('../router/flash-edit.ts');
      refuseCredential(path);
      await change({ what: 'set', path, ...(value === undefined ? {} : { value }) }, options);
    });
}

function addRollback(parent: Command): void {
  changing(parent.command('rollback'))
    .summary('go back to the settings before')
    .description(
      'Takes what is on trial back at once. With nothing on trial, puts the settings that were in force before in force\n' +
        'again, credentials too, as a change like any other.',
    )
    .addHelpText(
      'after',
      `
Examples:
  sekisho router config rollback

${changeCodes}`,
    )
    .action(async (_: unknown, command: Command) => change({ what: 'rollback' }, command.optsWithGlobals()));
}

function addConfirm(parent: Command): void {
  parent
    .command('confirm')
    .summary('keep what is on trial')
    .description('Ends the trial: the settings stay, whether or not the server has answered.')
    .addHelpText(
      'after',
      `
Examples:
  sekisho router config confirm

Exit codes: 0 they stay, 1 nothing was on trial, or they could not be written, 3 no router answers`,
    )
    .action(async (_: unknown, command: Command) => {
      const socket = socketOf(command.optsWithGlobals());
      const { revision } = await tell(socket, '/config', configAnswerSchema, { what: 'confirm' });
      await report(socket, revision ?? 0);
    });
}

function addFactoryReset(parent: Command): void {
  placed(parent.command('factory-reset'))
    .summary('forget settings and credentials')
    .description(
      'Overwrites everything on the config flash. A router that runs from it ends; its nftables table stays, so that\n' +
        'nothing leaves in clear. Tell the server as well: `sekisho server revoke`.',
    )
    .option('--yes', 'do it: there is no way back')
    .option('--overwrite', 'with --flash: also a device that holds something else')
    .addHelpText(
      'after',
      `
Examples:
  sekisho router config factory-reset --yes
  sekisho router config factory-reset --yes --flash /dev/mmcblk0p4

Exit codes: 0 forgotten, 1 it could not be done, 2 without --yes, 3 no router answers`,
    )
    .action(async (_: unknown, command: Command) => {
      const options: PlaceOptions & { readonly yes?: boolean; readonly overwrite?: boolean } =
        command.optsWithGlobals();
      if (options.yes !== true) {
        throw new HostError('USAGE', 'this overwrites settings and credentials for good; say --yes');
      }
      if (options.flash === undefined) {
        await tell(socketOf(options), '/config', configAnswerSchema, { what: 'factory-reset' });
      } else {
        const { resetUnusedFlash } = await import('./unused-flash.ts');
        resetUnusedFlash(flashPathsOf(options), options.overwrite === true);
      }
      process.stderr.write('settings and credentials are overwritten\n');
    });
}

/** Does a change and says what became of it. */
async function change(
  request: Extract<ConfigRequest, { what: 'apply' | 'set' | 'rollback' }>,
  options: ChangeOptions,
): Promise<void> {
  const whole: ConfigRequest = {
    ...request,
    ...(options.seconds === undefined ? {} : { seconds: options.seconds }),
    isManual: options.manual === true,
  };
  if (options.flash !== undefined) {
    const { changeUnusedFlash } = await import('./unused-flash.ts');
    const revision = changeUnusedFlash(flashPathsOf(options), whole);
    const line =
      revision === undefined
        ? unchanged
        : `revision ${revision} is written; a router that starts has it in force`;
    process.stderr.write(`${line}\n`);
    return;
  }
  const socket = socketOf(options);
  const { revision, isOnTrial } = await tell(socket, '/config', configAnswerSchema, whole);
  if (revision === null) process.stderr.write(`${unchanged}\n`);
  else if (!isOnTrial) await report(socket, revision);
  else if (options.manual === true || !options.wait) {
    const { state } = await ask(socket, '/config', configSchema);
    process.stderr.write(`${heading(state).replace(/^# /gm, '')}\n`);
    if (options.manual === true) process.stderr.write('keep it by: sekisho router config confirm\n');
  } else await report(socket, revision);
}

/** Waits until the trial is over; one that was taken back is exit code 1. */
async function report(socket: string, revision: number): Promise<void> {
  for (;;) {
    const { state } = await ask(socket, '/config', configSchema);
    if (state.trial === null) {
      process.stderr.write(`${outcome(state, revision)}\n`);
      if (state.revision !== revision) process.exitCode = exitCode.notOk;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

function outcome({ last, revision: inForce }: FlashState, revision: number): string {
  if (last?.number !== revision) return `revision ${inForce ?? 'none'} is in force`;
  return last.decision === 'confirmed'
    ? `revision ${revision} is in force: ${last.reason}`
    : `revision ${revision} was taken back: ${last.reason}; revision ${inForce ?? 'none'} is in force`;
}

/** What runs, as comment lines of YAML. */
function heading({ revision, previous, trial, device }: FlashState): string {
  const before = previous === null ? '' : `; before it: revision ${previous}`;
  const inForce = revision === null ? 'none in force' : `revision ${revision} in force${before}`;
  if (trial === null) return `# ${device}: ${inForce}`;
  const ends = `for another ${Math.ceil(trial.secondsLeft)} s`;
  const who = trial.isManual ? 'a person confirms it' : 'the server answers';
  return `# ${device}: revision ${trial.number} on trial ${ends}, until ${who}\n# ${inForce}`;
}

async function look(
  options: PlaceOptions,
): Promise<{ readonly state: FlashState; readonly settings: string | null }> {
  if (options.flash === undefined) return await ask(socketOf(options), '/config', configSchema);
  const { lookAtUnusedFlash } = await import('./unused-flash.ts');
  return lookAtUnusedFlash(flashPathsOf(options));
}

function socketOf({ socket }: PlaceOptions): string {
  return socket ?? routerSocket;
}

/** Where the settings are: `--flash`, `--flash-key`, `--flash-tpm` and `--socket` are the options of `sekisho router` itself. */
function placed(command: Command): Command {
  return command.addHelpText(
    'after',
    `
--socket PATH asks another router than that of ${routerSocket}; ${unusedFlashHelp}`,
  );
}

function changing(command: Command): Command {
  return placed(command)
    .option('--seconds <seconds>', 'how long it is tried before it is taken back (default: 60)', seconds)
    .option('--manual', 'a person has to confirm it too: sekisho router config confirm')
    .option('--no-wait', 'do not wait for the outcome');
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 5 && value <= 86_400) return value;
  throw new InvalidArgumentError('expected 5 to 86400 seconds');
}

const unchanged = 'nothing has to change: these are the settings in force';

const changeCodes = `Exit codes: 0 in force, or on trial where that is not waited for; 1 refused or taken back, and what was in force is in
force; 2 wrong command line; 3 no router answers`;
