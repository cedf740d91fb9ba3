/**
 * Contestants that take turns in short slices, one at a time, so that whatever else the machine does hits all of them alike. What
 * they do is theirs; here is only who runs when, and for how long.
 */
import { median } from './statistics.ts';

/** Something that can be done again and again. */
export interface Work {
  /** Brings back what `run` has written over; not measured. */
  readonly prepare?: () => void;
  readonly run: () => void;
}

export interface Slice {
  /** The median of the runs, so that one in which the machine did something else does not count. */
  readonly secondsPerRun: number;
}

export interface Contestant {
  readonly name: string;
  /** That one run works through. */
  readonly octetsPerRun: number;
  /** Runs for about `milliseconds`; nothing else of the bench runs meanwhile. */
  readonly slice: (milliseconds: number) => Slice | Promise<Slice>;
}

const longestSlice = 50;
const fewestRounds = 3;

/** Runs `work` for `milliseconds`, at least once. */
export function runSlice(work: Work, milliseconds: number): Slice {
  const runs: number[] = [];
  let spent = 0;
  do {
    work.prepare?.();
    const begin = performance.now();
    work.run();
    const run = performance.now() - begin;
    runs.push(run);
    spent += run;
  } while (spent < milliseconds);
  return { secondsPerRun: median(runs) / 1000 };
}

/**
 * Lets every contestant warm up for a slice and then run once a round, each round beginning with another one.
 *
 * @param seconds for all of it but the warm-up, about; slices get shorter where it is little
 * @returns for each contestant its speeds in octets a second, round by round
 */
export async function takeTurns(contestants: readonly Contestant[], seconds: number): Promise<number[][]> {
  const milliseconds = seconds * 1000;
  const slice = Math.min(longestSlice, milliseconds / (fewestRounds * contestants.length));
  const rounds = Math.max(fewestRounds, Math.round(milliseconds / (slice * contestants.length)));
  const speeds: number[][] = contestants.map(() => []);
  for (const contestant of contestants) await contestant.slice(slice);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const index = (round + turn) % contestants.length;
      const contestant = contestants[index];
      if (contestant === undefined) continue;
      const { secondsPerRun } = await contestant.slice(slice);
      speeds[index]?.push(contestant.octetsPerRun / secondsPerRun);
    }
  }
  return speeds;
}
