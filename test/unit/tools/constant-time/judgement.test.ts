/** When a subject leaks, and what of it makes the run fail; with subjects that are plain JavaScript. */
import { describe, expect, it } from 'vitest';
import { judge, MEASUREMENTS } from '../../../../tools/constant-time/judgement.ts';
import { problemsOf, renderReport, reportOf } from '../../../../tools/constant-time/report.ts';
import { Stretch, type Subject } from '../../../../tools/constant-time/subject.ts';

/** Does as much as its input's first octet says. */
function subject(rounds: readonly [number, number], more: Partial<Subject> = {}): Subject {
  const memory = new Uint8Array(64);
  const stretch = new Stretch(0);
  const at = stretch.part(1);
  let sum = 0;
  return {
    name: 'loop',
    classes: ['first', 'second'],
    memory,
    stretch,
    calls: 8,
    prepare(second) {
      memory[at] = rounds[second ? 1 : 0];
    },
    call() {
      for (let round = 0; round < 20 * (memory[at] ?? 0); round++) sum = Math.imul(sum, 31) + round;
    },
    ...more,
  };
}

const clean = judge(subject([50, 50]), 0.1);
const leaking = judge(subject([10, 200]), 0.1);

describe('a judgement', () => {
  it('is a leak when every measurement says so', () => {
    expect(leaking).toMatchObject({ leaks: true, suspected: MEASUREMENTS, measured: MEASUREMENTS });
  });

  it('is none as soon as one does not', () => {
    expect(clean.leaks).toBe(false);
    expect(clean.measured).toBe(clean.suspected + 1);
  });

  it('is refused where a class goes another way than it is meant to', () => {
    const stray = subject([1, 2], { didAsMeant: () => false });
    expect(() => judge(stray, 0.1)).toThrow(/loop: an input "(first|second)" went another way/);
  });
});

describe('inputs', () => {
  it('are random before they are made ones of their class, each anew', () => {
    const seen = new Set<string>();
    const memory = new Uint8Array(64);
    const stretch = new Stretch(16);
    stretch.part(20);
    const prepare = () => {
      seen.add(Buffer.from(memory.subarray(16, 48)).toString('hex'));
    };
    const { samples } = judge(subject([1, 1], { memory, stretch, prepare }), 0.05);
    expect(stretch.length).toBe(32);
    expect(seen.size).toBeGreaterThanOrEqual(samples);
    expect([...memory.subarray(0, 16), ...memory.subarray(48)].every((octet) => octet === 0)).toBe(true);
  });
});

describe('a run', () => {
  it('is good when it finds what is planted and nothing else', () => {
    expect(problemsOf(reportOf(1, [leaking], [clean]))).toEqual([]);
  });

  it('is blind when it misses what is planted', () => {
    expect(problemsOf(reportOf(1, [leaking, clean], []))).toEqual([
      'the instrument is blind: it did not find loop',
    ]);
  });

  it('names what leaks', () => {
    expect(problemsOf(reportOf(1, [leaking], [clean, leaking]))).toEqual([
      'time depends on the inputs of loop',
    ]);
  });

  it('is a table with both', () => {
    const lines = renderReport(reportOf(1, [leaking, clean], [clean, leaking]), undefined).split('\n');
    expect(lines.map((line) => line.split(/ {2,}/).at(-1))).toEqual([
      'VERDICT',
      'found',
      'NOT FOUND',
      '-',
      'LEAK',
    ]);
  });
});
