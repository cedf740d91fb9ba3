/**
 * A board's part in its own start: mends what the boot loader reads, writes down what became of a version on trial, judges this one
 * where it is on trial itself, and says that it is well. What cannot be written is said in the log and stops no router: then the boot
 * loader goes by its own count.
 */
import type { Logger } from 'pino';
import type { StateStore } from '../flash/state.ts';
import type { Instant } from '../model/instant.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import type { OpenPartition } from '../slots/board-slots.ts';
import type { BootChoice } from '../slots/boot-choice.ts';
import { BootEnvironment, confirmed, withoutTrial } from '../slots/boot-environment.ts';
import { BootTrial, type BootTrialAction, type BootTrialEvent } from '../slots/boot-trial.ts';
import type { SlotName } from '../slots/slot.ts';
import { findingOf, type StartFinding, type Verdict } from '../slots/start-finding.ts';
import {
  readVersionUpRecord,
  type VersionUpRecord,
  writeVersionUpRecord,
} from '../slots/version-up-record.ts';

export interface BoardStartOptions {
  readonly running: SlotName;
  /** The partition `boot`; closed after each use. Throws HostError FLASH. */
  readonly openBoot: () => OpenPartition;
  readonly state: StateStore;
  /** Of this software. */
  readonly version: string;
  /** This start of the machine, as the kernel names it. */
  readonly bootId: string;
  /** Time since the machine was started. */
  readonly now: () => Instant;
  readonly utcNow: () => UtcMs;
  /** Calls `BoardStart.deadline` at this instant. */
  readonly wakeAt: (at: Instant | undefined) => void;
  /** Does the router that runs work? Never rejects. */
  readonly selfTest: () => Promise<{ readonly ok: boolean; readonly reason?: string }>;
  /** The record of the last version-up says something else. */
  readonly onRecord: () => void;
  /** This version is kept, which was on trial or started in place of the active one, and the boot loader knows. */
  readonly onKept: () => void;
  /** Starts the machine anew. */
  readonly restart: () => void;
  readonly log: Logger;
}

export class BoardStart {
  readonly #options: BoardStartOptions;
  #finding: StartFinding | undefined;
  #trial: BootTrial | undefined;
  #isWell = false;
  #isKept = false;

  constructor(options: BoardStartOptions) {
    this.#options = options;
  }

  /** The record of the last version-up; undefined where there was none, or it cannot be read. */
  get record(): VersionUpRecord | undefined {
    return this.#tried('read what became of the last version-up', () =>
      readVersionUpRecord(this.#options.state),
    );
  }

  get isOnTrial(): boolean {
    return this.#trial !== undefined;
  }

  /** No version before this one is to come back as far as is known: what it could not read may be written. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /**
   * Before the router is started.
   *
   * @param trialSeconds how long a version on trial has, from the start of the machine
   */
  begin(trialSeconds: number): void {
    const { running, version, bootId, now, wakeAt, log } = this.#options;
    this.#withBoot('read and mend the partition boot', (environment, choice, trialStarts) => {
      const finding = findingOf({ running, version, choice, trialStarts, record: this.record, bootId });
      this.#finding = finding;
      if (finding.verdict !== undefined) this.#write(finding.verdict);
      if (finding.endsTrial) environment.choose(withoutTrial(choice));
    });
    if (this.#finding?.awaitsTrial === true)
      log.info({ event: 'version-up', at: now() }, 'the next start of this board tries the other slot');
    this.#isKept = this.#finding?.isOnTrial === false && !this.#finding.isFallBack;
    if (this.#finding?.isOnTrial !== true) return;
    log.warn(
      { event: 'version on trial', at: now() },
      `${version} in slot ${running}, for ${trialSeconds} s at most`,
    );
    // The boot-time clock counts from the start of the machine.
    this.#trial = new BootTrial(0, trialSeconds, now());
    wakeAt(this.#trial.nextDeadline());
  }

  /** The router runs, or waits for its first settings: starts are counted anew. A version on trial needs more. */
  isWell(): void {
    const { running } = this.#options;
    const finding = this.#finding;
    if (this.#isWell || finding === undefined || finding.isOnTrial) return;
    this.#isWell = true;
    this.#withBoot('say that this slot is well', (environment, choice) => {
      environment.choose(finding.isFallBack ? confirmed(choice, running) : choice);
      if (finding.isFallBack) this.#keep();
    });
  }

  /** The instant that `wakeAt` named has come. */
  deadline(): void {
    this.#tell({ kind: 'deadline' });
  }

  #tell(event: BootTrialEvent): void {
    const { now, wakeAt } = this.#options;
    for (const action of this.#trial?.handle(event, now()) ?? []) this.#carryOut(action);
    wakeAt(this.#trial?.nextDeadline());
  }

  #carryOut(action: BootTrialAction): void {
    const { running, version, selfTest, restart, log, now } = this.#options;
    switch (action.kind) {
      case 'test':
        void selfTest().then(({ ok, reason = '' }) => this.#tell({ kind: 'tested', ok, reason }));
        break;
      case 'confirm':
        this.#trial = undefined;
        this.#withBoot('confirm this version', (environment, choice) => {
          environment.choose(confirmed(choice, running));
          this.#write({ version, slot: running, stage: 'confirmed', reason: '' });
          log.info({ event: 'version confirmed', at: now() }, `${version} in slot ${running}`);
          this.#keep();
        });
        break;
      case 'revert':
        this.#trial = undefined;
        // The reason first: without it, the other slot would know only that this one was left.
        this.#write({ version, slot: running, stage: 'reverted', reason: action.reason });
        this.#withBoot('end the trial', (environment, choice) => environment.choose(withoutTrial(choice)));
        restart();
        break;
    }
  }

  #keep(): void {
    this.#isKept = true;
    this.#options.onKept();
  }

  #write(verdict: Verdict): void {
    const { state, utcNow, log, now, onRecord } = this.#options;
    if (verdict.stage === 'reverted')
      log.warn(
        { event: 'version reverted', at: now() },
        `${verdict.version} in slot ${verdict.slot}: ${verdict.reason}`,
      );
    this.#tried('keep what became of the version-up', () =>
      writeVersionUpRecord(state, { ...verdict, at: utcNow() }),
    );
    onRecord();
  }

  #withBoot(
    what: string,
    work: (environment: BootEnvironment, choice: BootChoice, trialStarts: number) => void,
  ): void {
    this.#tried(what, () => {
      const device = this.#options.openBoot();
      try {
        const environment = new BootEnvironment(device);
        const trialStarts = environment.starts('trial');
        const mended = environment.mend(this.#options.running);
        if (mended.length > 0)
          this.#options.log.warn(
            { event: 'boot environment', at: this.#options.now() },
            `mended: ${mended.join(', ')}`,
          );
        const { choice } = environment;
        if (choice === undefined) throw new Error('it cannot be read back');
        work(environment, choice, trialStarts);
      } finally {
        device.close();
      }
    });
  }

  #tried<Value>(what: string, work: () => Value): Value | undefined {
    try {
      return work();
    } catch (error) {
      this.#options.log.warn(
        { event: 'boot environment', at: this.#options.now() },
        `cannot ${what}: ${String(error)}`,
      );
      return undefined;
    }
  }
}
