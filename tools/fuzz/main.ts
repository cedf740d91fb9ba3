/** `npm run fuzz -- WHAT`: long runs of what test/fuzz runs shortly. docs/measuring.md tells how to read them. */
import { Command } from 'commander';
import { ikeCommand } from './ike/command.ts';
import { packetsCommand } from './packets/command.ts';

const exitUsage = 2;

const fuzz = new Command('fuzz')
  .description('Feeds what nobody should send to the shipped firmware and to IKE.')
  .addCommand(packetsCommand())
  .addCommand(ikeCommand())
  .exitOverride();
for (const command of fuzz.commands) command.exitOverride();
try {
  await fuzz.parseAsync();
} catch (error) {
  // commander has printed what is wrong, or the help that was asked for.
  if (!(error instanceof Error) || !('exitCode' in error)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : exitUsage;
}
