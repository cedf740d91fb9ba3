/**
 * How a command ends: the four exit codes that docs/cli.md lists, and which error leads to which. A command that did its
 * work but found something wrong sets `notOk` itself; everything thrown comes through here.
 */
import { CommanderError } from 'commander';
import { HostError } from '../model/host-error.ts';

export const exitCode = {
  ok: 0,
  /** The work was done and something is wrong, or it could not be done. */
  notOk: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** The router or server that was asked does not answer. */
  unreachable: 3,
} as const;

/** The exit code for something thrown by a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  if (error instanceof HostError && error.code === 'USAGE') return exitCode.usage;
  if (error instanceof HostError && error.code === 'CONTROL_UNREACHABLE') return exitCode.unreachable;
  return exitCode.notOk;
}

/** Lines for a person, one for each mistake; undefined where commander has already printed them. A bug shows its stack. */
export function describeError(error: unknown): string | undefined {
  if (error instanceof CommanderError) return undefined;
  if (error instanceof HostError) {
    const lines = error.message.split('\n').map((line) => `sekisho: ${line}`);
    return `${lines.join('\n')} (${error.code})`;
  }
  if (error instanceof Error && 'code' in error && 'syscall' in error) return `sekisho: ${error.message}`;
  return `sekisho: this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
