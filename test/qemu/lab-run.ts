/** The lab with guests, run as people run it, in a process of its own, so that this one keeps answering the test runner. */
import { execFile } from 'node:child_process';

/** What it wants of a machine. */
export const labWithGuestsNeeds = [
  'root',
  'tun',
  'network namespaces',
  'iproute2',
  'nft',
  'ping',
  'tcpdump',
  'qemu',
  'swtpm',
  'image tools',
  'debian amd64',
] as const;

export interface Ended {
  readonly status: number | string;
  readonly output: string;
}

export function runLab(args: readonly string[], withinMs: number): Promise<Ended> {
  return new Promise((resolve) => {
    const command = ['tools/lab/main.ts', ...args];
    const limits = { timeout: withinMs, maxBuffer: 2 ** 24 };
    execFile(process.execPath, command, limits, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : (error.code ?? error.signal ?? 1), output: stdout + stderr }),
    );
  });
}
