import { describe, expect, it } from 'vitest';
import { BootTrial } from '../../../host/slots/boot-trial.ts';

describe('a version on trial', () => {
  it('is tested at once, and kept when that goes well', () => {
    const trial = new BootTrial(0, 300, 40_000);
    expect(trial.nextDeadline()).toBe(40_000);
    expect(trial.handle({ kind: 'deadline' }, 40_000)).toEqual([{ kind: 'test' }]);
    expect(trial.handle({ kind: 'deadline' }, 41_000)).toEqual([]);
    expect(trial.nextDeadline()).toBe(300_000);
    expect(trial.handle({ kind: 'tested', ok: true, reason: '' }, 42_000)).toEqual([{ kind: 'confirm' }]);
    expect(trial.nextDeadline()).toBeUndefined();
    expect(trial.handle({ kind: 'deadline' }, 400_000)).toEqual([]);
  });

  it('is tested again every five seconds, and left with the last reason when its time is over', () => {
    const trial = new BootTrial(0, 60, 50_000);
    trial.handle({ kind: 'deadline' }, 50_000);
    expect(trial.handle({ kind: 'tested', ok: false, reason: 'no channel' }, 51_000)).toEqual([]);
    expect(trial.nextDeadline()).toBe(56_000);
    expect(trial.handle({ kind: 'deadline' }, 56_000)).toEqual([{ kind: 'test' }]);
    // The test is under way when the time is over: what it would say comes too late.
    expect(trial.handle({ kind: 'deadline' }, 60_000)).toEqual([
      { kind: 'revert', reason: 'not well within 60 s of its start: no channel' },
    ]);
    expect(trial.handle({ kind: 'tested', ok: true, reason: '' }, 60_001)).toEqual([]);
  });

  it('has no more time because its process was started anew', () => {
    const trial = new BootTrial(0, 60, 70_000);
    expect(trial.handle({ kind: 'deadline' }, 70_000)).toEqual([
      { kind: 'revert', reason: 'not well within 60 s of its start: no self-test came to an end' },
    ]);
  });
});
