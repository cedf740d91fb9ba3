/** Plays combinations one after the other with one guest. */
import { HostError } from '../../../host/model/host-error.ts';
import type { Combination } from './combinations.ts';
import { converse } from './conversation.ts';
import { KernelGuest } from './kernel-guest.ts';
import type { Result } from './report.ts';

export interface RunOptions {
  readonly combinations: readonly Combination[];
  /** Where the kernel's package and the guest's first file system are kept. */
  readonly folder: string;
  readonly onBooted: (kernel: string) => void;
  readonly onResult: (result: Result, done: number) => void;
}

/**
 * The results in the order of the combinations; the guest is gone afterwards whatever happened.
 *
 * @throws HostError PLATFORM when the guest does not come up
 */
export async function runCombinations(options: RunOptions): Promise<{ kernel: string; results: Result[] }> {
  const guest = await KernelGuest.boot(options.folder);
  try {
    options.onBooted(guest.kernel);
    const results: Result[] = [];
    for (const combination of options.combinations) {
      const result = { combination, problem: await problemOf(guest, combination) };
      results.push(result);
      options.onResult(result, results.length);
    }
    return { kernel: guest.kernel, results };
  } finally {
    await guest.cutPower();
  }
}

/** What the kernel refuses to install is a difference, too. */
async function problemOf(guest: KernelGuest, combination: Combination): Promise<string | undefined> {
  try {
    return await converse(guest, combination);
  } catch (error) {
    if (error instanceof HostError) return error.message;
    throw error;
  }
}
