/**
 * What a system finds out about its own start from what the boot loader counted and what was kept of the last version-up: whether it is
 * on trial, whether a trial of the other slot came to an end without a word (a panic, a hang, a reset by the watchdog), and what is to
 * be written down. Pure.
 */
import type { BootChoice } from './boot-choice.ts';
import { otherSlot, type SlotName } from './slot.ts';
import type { VersionUpRecord } from './version-up-record.ts';

export interface StartFacts {
  readonly running: SlotName;
  /** Of this system. */
  readonly version: string;
  /** As it was found, before anything is written. */
  readonly choice: BootChoice;
  /** Starts of the slot on trial that the boot loader counted. */
  readonly trialStarts: number;
  readonly record: VersionUpRecord | undefined;
  /** This start of the machine, as the kernel names it: a process that is started again has the same one. */
  readonly bootId: string;
}

/** The part of a record that a start decides. */
export type Verdict = Pick<VersionUpRecord, 'version' | 'slot' | 'stage' | 'reason'>;

export interface StartFinding {
  /** This slot is on trial: boot-trial.ts judges it. */
  readonly isOnTrial: boolean;
  /** The other slot is on trial from the next start of the machine on: only this process was started again. */
  readonly awaitsTrial: boolean;
  /** The trial of the other slot is over: the boot loader is to be told. */
  readonly endsTrial: boolean;
  /** This slot is not the active one, and is to become it once it is well. */
  readonly isFallBack: boolean;
  /** What is to be written down of the last version-up; undefined where that says it already. */
  readonly verdict: Verdict | undefined;
}

export function findingOf(facts: StartFacts): StartFinding {
  const { running, choice } = facts;
  const other = otherSlot(running);
  const awaitsTrial = isYetToBegin(facts, other);
  return {
    isOnTrial: choice.trial === running,
    awaitsTrial,
    endsTrial: choice.trial === other && !awaitsTrial,
    isFallBack: choice.trial !== running && choice.active === other,
    verdict: awaitsTrial ? undefined : verdictOf(facts, other),
  };
}

/** The version-up was written down in this start of the machine, so the boot loader has not had its turn since. */
function isYetToBegin({ choice, record, bootId }: StartFacts, other: SlotName): boolean {
  return (
    choice.trial === other &&
    record?.slot === other &&
    record.stage === 'trial' &&
    record.bootId !== undefined &&
    record.bootId === bootId
  );
}

function verdictOf(facts: StartFacts, other: SlotName): Verdict | undefined {
  const { running, version, choice, trialStarts, record } = facts;
  const isAbout = (slot: SlotName): boolean => record?.slot === slot;
  const reverted = (slot: SlotName, reason: string): Verdict => ({
    version: isAbout(slot) ? (record?.version ?? '') : '',
    slot,
    stage: 'reverted',
    reason,
  });
  if (choice.trial === running) return undefined;
  if (choice.trial === other) {
    // A system that gave up itself has said why.
    if (isAbout(other) && record?.stage === 'reverted') return undefined;
    return reverted(other, endedWithoutWord(trialStarts));
  }
  if (choice.active === other) {
    return reverted(
      other,
      `slot ${other} did not come up any more; slot ${running} was started in its place`,
    );
  }
  if (record?.stage !== 'trial') return undefined;
  // Cut off between two writes: the boot loader has the last word.
  if (isAbout(running)) return { version: record.version, slot: running, stage: 'confirmed', reason: '' };
  return reverted(other, `power was lost before its trial began; version ${version} goes on`);
}

function endedWithoutWord(starts: number): string {
  if (starts === 0) return 'the boot loader could not count its starts, so it was not tried';
  return `${starts} ${starts === 1 ? 'start' : 'starts'} of it ended without a word: it stopped or hung before it could be judged`;
}
