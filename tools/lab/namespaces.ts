/**
 * Network namespaces of one lab: their names on the machine, running a command inside one, removing all of them. Works
 * the same as root and inside a user namespace, where `ip netns` needs a /run of its own (see privileges.ts).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { HostError } from '../../host/model/host-error.ts';

/** Every namespace of a lab called `lab` starts with this. */
export function namespacePrefix(lab: string): string {
  return `sekisho-${lab}-`;
}

/** The command and arguments that run `command` inside the namespace, without a process in between. */
export function insideNamespace(namespace: string, command: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${namespace}`, '--', ...command];
}

/**
 * Runs a command to its end and returns what it printed.
 *
 * @param input what it reads on stdin
 * @throws HostError PLATFORM with the command and its own message when it fails
 */
export function runCommand(command: readonly string[], input = ''): string {
  const [file = '', ...args] = command;
  const result = spawnSync(file, args, { input, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
  if (result.status !== 0) {
    const said = result.error?.message ?? `${result.stderr}${result.stdout}`.trim();
    throw new HostError('PLATFORM', `${command.join(' ')} failed: ${said || `status ${result.status}`}`);
  }
  return result.stdout;
}

/** Names of this lab's namespaces as the machine has them now. */
export function existingNamespaces(lab: string): string[] {
  const result = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  return (result.stdout ?? '')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(namespacePrefix(lab)));
}

/** Kills what still runs in the lab's namespaces and removes them; returns how many there were. */
export function removeNamespaces(lab: string): number {
  const names = existingNamespaces(lab);
  for (const name of names) {
    for (const pid of processesIn(name)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Ended by itself in the meantime.
      }
    }
    spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
  }
  return names.length;
}

/** Pids of processes whose network is this namespace; never the caller's own. */
function processesIn(namespace: string): number[] {
  const result = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
  return (result.stdout ?? '')
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid);
}

/**
 * When a process started, in clock ticks since boot: with the pid it names one process for good (proc(5), field 22).
 *
 * @returns undefined when there is no such process
 */
export function processStartTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command's name in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
}
