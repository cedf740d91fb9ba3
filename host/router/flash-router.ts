/**
 * A router and its config flash: puts revisions in force, live where only the SPD differs and by a router started anew otherwise,
 * and lets a changed one prove itself (host/flash/trial.ts). What runs is what the flash says is in force or on trial; where
 * the flash cannot be written, what runs goes back to what it says.
 *
 * Changes are made one after the other. A power cut at any moment, or the end of the process, leaves what was confirmed.
 */
import type { Logger } from 'pino';
import type { ConfigFlash, RevisionView } from '../flash/config-flash.ts';
import { wipeCredentials } from '../flash/credential-files.ts';
import type { Decision } from '../flash/record.ts';
import { type TrialAction, type TrialEvent, TrialMachine } from '../flash/trial.ts';
import { HostError } from '../model/host-error.ts';
import type { Instant } from '../model/instant.ts';
import type { SpdEntry } from '../model/policy.ts';
import type { FlashState } from '../model/status.ts';
import type { ConfigAnswer, ConfigCommand } from './config-command.ts';
import { credentialsFingerprint, routerSettings, settingsText } from './flash-document.ts';
import { credentialsOf, orThrow, type SettingsReaders, writeChange } from './flash-settings.ts';
import { othersThanSpd } from './other-settings.ts';
import type { RouterSettings } from './settings-file.ts';

/** A router that runs, as far as a change of settings is concerned. */
export interface Runner {
  /** Without a packet lost on the entries that stay. Rejects with HostError CAPACITY, and then nothing has changed. */
  replaceSpd(entries: readonly SpdEntry[]): Promise<void>;
  /** Asks the server for a sign of life; the last one that there was. */
  heard(): Promise<{ readonly isUp: boolean; readonly heardAt: Instant }>;
  stop(): Promise<void>;
}

export interface FlashRouterOptions<Running extends Runner> {
  readonly flash: ConfigFlash;
  /** For messages. */
  readonly device: string;
  readonly readers: SettingsReaders;
  /**
   * Brings a router up with a revision's settings. Rejects with HostError; when it is given a time, then after no more than about
   * that.
   */
  readonly start: (settings: RouterSettings, revision: number, withinMs?: number) => Promise<Running>;
  readonly now: () => Instant;
  /** Calls `FlashRouter.deadline` at this instant. */
  readonly wakeAt: (at: Instant | undefined) => void;
  readonly log: Logger;
  /** Without settings the router waits for the first ones, in place of an error. */
  readonly waitsForSettings?: boolean;
  /** The router has no settings any more, or none that it can run with. */
  readonly onEnd: (reason: HostError | undefined) => void;
}

export class FlashRouter<Running extends Runner> {
  readonly #options: FlashRouterOptions<Running>;
  readonly #trial = new TrialMachine();
  #running: Running | undefined;
  /** What the router that runs was started with, and the revision whose SPD it has. */
  #inForce = nothingInForce;
  #last: Decision | undefined;
  /** Changes wait for each other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: FlashRouterOptions<Running>) {
    this.#options = options;
  }

  /** The router at work; undefined while one is being started anew. */
  get running(): Running | undefined {
    return this.#running;
  }

  /** Starts with the revision in force. One that was on trial when the process before ended is taken back. */
  async start(): Promise<void> {
    const { flash, device, log, now } = this.#options;
    flash.repair();
    if (flash.trial !== undefined) {
      this.#decide(flash.trial.number, 'reverted', 'the router was stopped before it was confirmed');
    }
    this.#seal();
    const { current } = flash;
    if (current === undefined && this.#options.waitsForSettings === true) {
      const [problem = 'the config flash is new'] = flash.status().problems;
      log.warn({ event: 'no settings yet', at: now() }, `${device}: ${problem}`);
      return;
    }
    if (current === undefined) {
      const [problem = 'it is new'] = flash.status().problems;
      throw new HostError(
        'FLASH',
        `${device} holds no settings: ${problem}. Write them by: sekisho router config apply FILE --flash ${device}`,
      );
    }
    await this.#putInForce(current);
  }

  /** The state of the flash, for `status`. */
  state(): FlashState {
    const { flash, device, now } = this.#options;
    const status = flash.status();
    return {
      device,
      ...status,
      trial: this.#trial.status(now()) ?? null,
      last: this.#last ?? null,
      copies: status.copies.map((copy) => ({ ...copy })),
      problems: [...status.problems],
    };
  }

  /** What runs, as YAML without secrets. */
  settings(): string | null {
    const { flash } = this.#options;
    const revision = flash.trial ?? flash.current;
    return revision === undefined ? null : settingsText(revision.document);
  }

  /** Does what a command says. A change is answered as soon as it is written and on trial. Rejects with HostError. */
  command(command: ConfigCommand): Promise<ConfigAnswer> {
    return this.#inTurn(async () => {
      switch (command.what) {
        case 'confirm':
          return await this.#confirm();
        case 'factory-reset':
          return await this.#factoryReset();
        case 'rollback':
          if (this.#trial.status(this.#options.now()) !== undefined) return await this.#takeBack();
      }
      return this.#change(command);
    });
  }

  /** Seals credentials that are plain, when what it waited for has come: the version that runs is kept. */
  sealCredentials(): void {
    void this.#inTurn(async () => this.#seal());
  }

  /** The instant that `wakeAt` named has come. */
  deadline(): void {
    void this.#inTurn(() => this.#tell({ kind: 'deadline' }));
  }

  /** Ends the router; the flash stays as it is. */
  async stop(): Promise<void> {
    this.#options.wakeAt(undefined);
    await this.#inTurn(async () => await this.#running?.stop());
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {}); // whoever asked hears of it
    return done;
  }

  #change(command: Extract<ConfigCommand, { what: 'apply' | 'set' | 'rollback' }>): ConfigAnswer {
    const { flash, readers, now, log } = this.#options;
    // The first settings of all: there is nothing to go back to.
    const isTried = flash.current !== undefined;
    const revision = writeChange(flash, command, readers, isTried);
    if (revision === undefined) return { revision: null, isOnTrial: false };
    if (!isTried) {
      void this.#inTurn(() => this.#goBack());
      return { revision, isOnTrial: false };
    }
    const { seconds, isManual } = command;
    log.info({ event: 'settings on trial', at: now() }, `revision ${revision} for ${seconds} s`);
    void this.#inTurn(async () => {
      await this.#tell({ kind: 'begin', number: revision, seconds, isManual });
      const { trial } = flash;
      if (trial?.number !== revision) return;
      try {
        await this.#putInForce(trial, seconds * 1000);
      } catch (error) {
        await this.#tell({ kind: 'give-up', reason: `it cannot be put in force: ${messageOf(error)}` });
      }
    });
    return { revision, isOnTrial: true };
  }

  async #confirm(): Promise<ConfigAnswer> {
    const trial = this.#trial.status(this.#options.now());
    if (trial === undefined) throw new HostError('USAGE', 'nothing is on trial');
    await this.#tell({ kind: 'confirm' });
    return { revision: trial.number, isOnTrial: false };
  }

  async #takeBack(): Promise<ConfigAnswer> {
    await this.#tell({ kind: 'give-up', reason: 'taken back by hand' });
    return { revision: this.#options.flash.current?.number ?? null, isOnTrial: false };
  }

  async #factoryReset(): Promise<ConfigAnswer> {
    const { flash, onEnd, wakeAt } = this.#options;
    wakeAt(undefined);
    orThrow(flash.reset());
    await this.#running?.stop();
    this.#running = undefined;
    onEnd(undefined);
    return { revision: null, isOnTrial: false };
  }

  async #tell(event: TrialEvent): Promise<void> {
    const { now, wakeAt } = this.#options;
    for (const action of this.#trial.handle(event, now())) await this.#carryOut(action);
    wakeAt(this.#trial.nextDeadline());
  }

  async #carryOut(action: TrialAction): Promise<void> {
    switch (action.kind) {
      case 'ask-server': {
        const answer = await this.#running?.heard().catch(() => undefined);
        if (answer?.isUp) await this.#tell({ kind: 'heard', heardAt: answer.heardAt });
        break;
      }
      case 'confirm':
        if (!this.#decide(action.number, 'confirmed', action.reason)) await this.#goBack();
        break;
      case 'revert':
        this.#decide(action.number, 'reverted', action.reason);
        await this.#goBack();
        break;
    }
  }

  /** What cannot be sealed is said, and used as it is; `status` says so too. The router that runs notices nothing. */
  #seal(): void {
    const { flash, device, log, now } = this.#options;
    const sealed = flash.sealCredentials();
    if (sealed.ok && !sealed.value) return;
    const what = sealed.ok
      ? `${device}: sealed by ${flash.status().keyStore}; what was there in clear is overwritten, or the problems of the config flash say why not`
      : `${device}: credentials are left on the flash as they are: ${sealed.message}`;
    log[sealed.ok ? 'info' : 'warn']({ event: 'credentials at rest', at: now() }, what);
  }

  /** Writes what became of a trial. Returns whether the flash has it. */
  #decide(number: number, decision: Decision['decision'], reason: string): boolean {
    const { flash, log, now } = this.#options;
    const written = flash.decide(number, decision, reason);
    const why = written.ok ? reason : `${reason}; the flash cannot be written: ${written.message}`;
    this.#last = { number, decision: written.ok ? decision : 'reverted', reason: why };
    log[written.ok && decision === 'confirmed' ? 'info' : 'warn'](
      { event: `settings ${this.#last.decision}`, at: now() },
      `revision ${number}: ${why}`,
    );
    this.#seal();
    return written.ok;
  }

  /** To what is in force. */
  async #goBack(): Promise<void> {
    const { flash, onEnd, log, now } = this.#options;
    const { current } = flash;
    try {
      if (current === undefined) throw new HostError('FLASH', 'there are no settings to go back to');
      try {
        await this.#putInForce(current);
      } catch (error) {
        log.warn({ event: 'router started anew', at: now() }, messageOf(error));
        this.#inForce = nothingInForce;
        await this.#putInForce(current);
      }
    } catch (error) {
      onEnd(error instanceof HostError ? error : new HostError('PLATFORM', messageOf(error)));
    }
  }

  async #putInForce(revision: RevisionView, withinMs?: number): Promise<void> {
    const { flash, device, start } = this.#options;
    const settings = routerSettings(revision.document, `${device}, revision ${revision.number}`);
    const files = credentialsOf(flash, revision);
    const { number } = revision;
    const next = { others: othersThanSpd(settings), credentials: credentialsFingerprint(files), number };
    wipeCredentials(files);
    const before = this.#running;
    if (
      before !== undefined &&
      next.others === this.#inForce.others &&
      next.credentials === this.#inForce.credentials
    ) {
      // What could not be put in force has changed nothing.
      if (this.#inForce.number !== number) await before.replaceSpd(settings.spd);
      this.#inForce = next;
      return;
    }
    this.#running = undefined;
    this.#inForce = nothingInForce;
    await before?.stop();
    this.#running = await start(settings, number, withinMs);
    this.#inForce = next;
  }
}

const nothingInForce = { others: '', credentials: '', number: 0 };

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
