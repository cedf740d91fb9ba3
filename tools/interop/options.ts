/** The command line of `npm run interop`. */
import { parseArgs } from 'node:util';
import { HostError } from '../../host/model/host-error.ts';
import { readName } from '../lab/options.ts';

export const peerNames = ['strongswan', 'linux-kernel'] as const;
export type PeerName = (typeof peerNames)[number];

export interface InteropOptions {
  readonly peer: PeerName;
  /** Lower-case text that a combination's name has to contain. */
  readonly only: string;
  readonly json: string | undefined;
  readonly list: boolean;
  readonly jobs: number;
  readonly name: string;
}

export const usage = `npm run interop -- PEER [OPTIONS]
  Lets a stranger and ours talk in every combination. Prints the matrix, and as its last line "N of N combinations agree".
  Exit code 1 unless all do.

  strongswan      Debian's strongSwan in network namespaces: as initiator with our server, as responder for our router
  linux-kernel    the ESP and AH of Debian's kernel, in a guest of QEMU, with our packet engine, which needs no privileges; and
                  strongSwan in such a guest, with the kernel's ESP, as initiator with our server (--only IKEv2)

  --only PATTERN  those alone whose name contains PATTERN
  --list          print the names and stop
  --json FILE     write the results to FILE (- is standard output)
  --jobs N        conversations at a time, with strongswan (default: 2)
  --name NAME     a run of its own beside others (default: interop)
  --help          print this

  Logs of conversations with strongSwan that failed are kept in build/interop. docs/interop.md and docs/linux-kernel.md tell what
  is tried, and why.`;

const maximumJobs = 8;

/**
 * Reads the arguments.
 *
 * @throws HostError USAGE with what is wrong
 */
export function readOptions(args: readonly string[]): InteropOptions | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  const peer = peerNames.find((name) => name === positionals[0]);
  if (peer === undefined || positionals.length > 1) {
    throw new HostError(
      'USAGE',
      `expected ${peerNames.join(' or ')}, found ${positionals.join(' ') || 'nothing'}\n\n${usage}`,
    );
  }
  const jobs = Number(values.jobs ?? '2');
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > maximumJobs) {
    throw new HostError('USAGE', `--jobs: expected 1 to ${maximumJobs}, found ${values.jobs}`);
  }
  const name = readName(values.name ?? 'interop');
  const only = (values.only ?? '').toLowerCase();
  return { peer, only, json: values.json, list: values.list ?? false, jobs, name };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        only: { type: 'string' },
        json: { type: 'string' },
        list: { type: 'boolean' },
        jobs: { type: 'string' },
        name: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new HostError('USAGE', `${cause instanceof Error ? cause.message : String(cause)}\n\n${usage}`, {
      cause,
    });
  }
}
