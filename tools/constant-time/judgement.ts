/**
 * When a subject counts as leaking. One measurement ends as soon as a test is beyond the threshold, or when its time is up. On a
 * machine that does other things too one measurement may err, so a suspicion is measured again, with inputs and order drawn
 * anew, and counts only when it is found every time; a planted leak has to be found every time just so.
 */
import { Sampling } from './sampling.ts';
import { farther, type TimingTests, timingTests } from './statistics.ts';
import type { Subject } from './subject.ts';

/**
 * Of |t|: dudect's own threshold for "probably not constant time". The 4.5 of the paper is for one test; here are a hundred
 * correlated ones, looked at several times while samples arrive. With equal classes t is normal, and one beyond 10 has a
 * probability of 1.5e-23: whatever reaches it is no chance, but it may be the machine.
 */
export const THRESHOLD = 10;
/** Measurements that have to find a leak. */
export const MEASUREMENTS = 3;
/** Samples before the first look; then whenever there are half as many again. */
const FIRST_LOOK = 4096;

export interface Judgement {
  readonly name: string;
  readonly classes: readonly [string, string];
  readonly leaks: boolean;
  /** Measurements beyond the threshold, and all that there were. */
  readonly suspected: number;
  readonly measured: number;
  /** Of the last measurement: the first without a suspicion, or the last of MEASUREMENTS. */
  readonly samples: number;
  readonly tests: TimingTests;
}

interface Measurement {
  readonly samples: number;
  readonly tests: TimingTests;
}

/** Measures `subject`, for at most `seconds` each time. */
export function judge(subject: Subject, seconds: number): Judgement {
  const { name, classes } = subject;
  for (let suspected = 0; ; ) {
    const { samples, tests } = measure(subject, seconds);
    const suspicious = farthest(tests) > THRESHOLD;
    const measured = suspected + 1;
    if (suspicious) suspected++;
    const leaks = suspected === MEASUREMENTS;
    if (leaks || !suspicious) return { name, classes, leaks, suspected, measured, samples, tests };
  }
}

/** The largest |t| of all tests. */
export function farthest(tests: TimingTests): number {
  return Math.abs(farther(farther(tests.raw, tests.cropped), tests.secondOrder));
}

function measure(subject: Subject, seconds: number): Measurement {
  const deadline = performance.now() + 1000 * seconds;
  const sampling = new Sampling(subject);
  let look = FIRST_LOOK;
  for (;;) {
    while (sampling.count < look && (performance.now() < deadline || sampling.count < FIRST_LOOK)) {
      sampling.addBatch();
    }
    const tests = timingTests(sampling.times, sampling.secondClass, sampling.count);
    if (farthest(tests) > THRESHOLD || performance.now() >= deadline) {
      return { samples: sampling.count, tests };
    }
    look = Math.ceil(1.5 * sampling.count);
  }
}
