/**
 * The config flash of a router: its settings, as numbered revisions with their credentials, on a block device. What was in
 * force before a write is in force, or what the write says, wherever power is cut; what is damaged is said in `status`.
 *
 * No clock and no device of its own: both are injected. Who opens it for writing holds the device alone.
 */
import { fail, ok, type Result } from '../model/result.ts';
import type { BlockDevice } from './block-device.ts';
import { type CredentialFiles, packCredentials, unpackCredentials } from './credential-files.ts';
import { type FormTable, readForms, type SettingsDocument, survivesRollBack, writeForms } from './form.ts';
import { type History, historyOf, type NumberedRecord, type Revision } from './history.ts';
import type { KeyStore } from './key-store.ts';
import {
  decodeRecord,
  encodeDecision,
  encodeReset,
  encodeRevision,
  type RevisionHead,
  type Trial,
} from './record.ts';
import { type CopyStatus, RecordLog } from './record-log.ts';

export interface FlashOptions {
  readonly device: BlockDevice;
  /** The schema's version and how to get there from others. */
  readonly forms: FormTable;
  /** Who writes, for people to read. */
  readonly software: string;
  /** Absent on a board that has none: credentials are then on the flash as they are. */
  readonly keyStore?: KeyStore;
}

/** A revision without its credentials. */
export interface RevisionView {
  readonly number: number;
  readonly document: SettingsDocument;
  readonly origin: string;
  readonly trial?: Trial;
}

export interface RevisionDraft {
  readonly document: SettingsDocument;
  /** Borrowed during the call. */
  readonly credentials: CredentialFiles;
  readonly origin: string;
  /** Absent: in force as soon as it is written. */
  readonly trial?: Trial;
}

export interface FlashStatus {
  /** Number of the revision in force; null before the first. */
  readonly revision: number | null;
  readonly previous: number | null;
  readonly trial: number | null;
  readonly keyStore: string | null;
  readonly copies: readonly CopyStatus[];
  readonly problems: readonly string[];
}

export type FlashFailure =
  | 'FULL'
  | 'DEVICE'
  /** The device holds something that is not ours, or of a later format: it is not overwritten. */
  | 'FOREIGN'
  /** No such revision, or not one that can be decided. */
  | 'REVISION'
  | 'KEY_STORE'
  | 'RECORD';

/** Left free beside a revision, for the decision about it and for a reset. */
const spareSectors = 2;

export class ConfigFlash {
  readonly #options: FlashOptions;
  #log: RecordLog;
  #history: History;
  /** What happened at a repair or a write since the flash was opened. */
  #notes: string[] = [];

  /** Reads the device; changes nothing. */
  constructor(options: FlashOptions) {
    this.#options = options;
    this.#log = new RecordLog(options.device);
    this.#history = this.#read();
    if (this.#log.isLastLost) {
      this.#notes.push('the last change was cut off while it was written, or is damaged in both copies');
    }
  }

  /** What the device holds. */
  get contents(): RecordLog['contents'] {
    return this.#log.contents;
  }

  get current(): RevisionView | undefined {
    return this.#view(this.#history.current);
  }

  /** The one before, where there is one and there was room to keep it. */
  get previous(): RevisionView | undefined {
    return this.#view(this.#history.previous);
  }

  /** On trial and not decided. */
  get trial(): RevisionView | undefined {
    return this.#view(this.#history.trial);
  }

  status(): FlashStatus {
    const { current, previous, trial, wanted, problems, reverted } = this.#history;
    const copies = this.#log.status(wanted);
    return {
      revision: current?.head.number ?? null,
      previous: previous?.head.number ?? null,
      trial: trial?.head.number ?? null,
      keyStore: this.#options.keyStore?.name ?? null,
      copies,
      problems: [
        ...this.#contentsProblem(),
        ...problems,
        ...(reverted === undefined ? [] : [`revision ${reverted.number} was taken back: ${reverted.reason}`]),
        ...copies.flatMap((copy, index) => this.#copyProblem(copy, index)),
        ...this.#notes,
      ],
    };
  }

  /** A revision's credentials; the caller wipes them. */
  credentials(number: number): Result<CredentialFiles, FlashFailure> {
    const revision = this.#revisions().find(({ head }) => head.number === number);
    const octets = revision === undefined ? undefined : this.#log.read(revision.sequence);
    if (octets === undefined) return fail('REVISION', `there is no revision ${number} on the config flash`);
    const decoded = decodeRecord(octets);
    const credentials =
      decoded.ok && decoded.value.kind === 'revision' ? this.#unsealed(decoded.value) : noRevision;
    octets.fill(0);
    return credentials;
  }

  /** Writes a revision. Returns its number when at least one copy holds it. */
  write(draft: RevisionDraft): Result<number, FlashFailure> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return fail('FOREIGN', refusal);
    const { forms, software, keyStore } = this.#options;
    const { current, trial, lastNumber } = this.#history;
    const number = lastNumber + 1;
    const kept = (current ?? trial)?.head.forms;
    const head: RevisionHead = {
      number,
      origin: draft.origin,
      software,
      ...(draft.trial === undefined ? {} : { trial: draft.trial }),
      ...(keyStore === undefined ? {} : { keyStore: keyStore.name }),
      forms: [...writeForms(draft.document, forms, kept)],
    };
    const record = encodeRevision(head, (context) => {
      const packed = packCredentials(draft.credentials);
      if (keyStore === undefined) return ok(packed);
      const sealed = keyStore.seal(packed, context);
      packed.fill(0);
      return sealed;
    });
    if (!record.ok) return record;
    const written = this.#append(record.value, spareSectors);
    record.value.fill(0);
    if (!written.ok) return written;
    if (!survivesRollBack(head.forms, forms)) {
      this.#note(`revision ${number} says what the software before this one has no words for`);
    }
    return ok(number);
  }

  /** Says what became of the revision on trial. */
  decide(number: number, decision: 'confirmed' | 'reverted', reason: string): Result<null, FlashFailure> {
    if (this.#history.trial?.head.number !== number) {
      return fail('REVISION', `revision ${number} is not on trial`);
    }
    const written = this.#append(encodeDecision({ number, decision, reason }), 0);
    return written.ok ? ok(null) : written;
  }

  /**
   * Makes the flash that of a new router, and overwrites everything that was on it. Cut off, it has happened or not; `repair`
   * completes it.
   *
   * @param overwrite also what is not ours
   */
  reset(overwrite = false): Result<null, FlashFailure> {
    const refusal = this.#refusal();
    if (refusal !== undefined && !overwrite) return fail('FOREIGN', refusal);
    const reset = this.#append(encodeReset(this.#history.lastNumber), 0);
    if (!reset.ok) return reset;
    this.#notes = [];
    return this.#erase();
  }

  /** Brings both copies to be whole, and completes a reset. What was done is said in `status`. */
  repair(): void {
    if (this.#refusal() !== undefined || this.#log.contents !== 'records') return;
    for (const index of this.#log.repair(this.#history.wanted)) {
      this.#note(`copy ${index + 1} was not whole and was written anew`);
    }
    if (this.#history.resetBy !== undefined) this.#erase();
  }

  #erase(): Result<null, FlashFailure> {
    const { resetBy } = this.#history;
    if (resetBy === undefined) return ok(null);
    const erased = this.#log.eraseAllBut(resetBy);
    this.#history = this.#read();
    if (!erased.ok) this.#note(`not everything could be overwritten: ${erased.message}`);
    return erased;
  }

  /** Writes a record beside what it does not replace; the revision before goes where there is no room for it. */
  #append(record: Uint8Array, spare: number): Result<number, FlashFailure> {
    const { wanted, previous, current } = this.#history;
    const older = [previous?.sequence, previous?.decidedBy];
    // While a revision is new, the one in force becomes the one before: what was before that is not needed any more.
    let appended = this.#log.append(record, wanted, spare);
    if (!appended.ok && appended.code === 'FULL' && current !== undefined) {
      appended = this.#log.append(
        record,
        { ...wanted, others: wanted.others.filter((sequence) => !older.includes(sequence)) },
        spare,
      );
    }
    this.#history = this.#read();
    return appended;
  }

  #read(): History {
    const records: NumberedRecord[] = [];
    for (const sequence of this.#log.sequences) {
      const octets = this.#log.read(sequence);
      const decoded = octets === undefined ? undefined : decodeRecord(octets);
      if (decoded?.ok) records.push([sequence, decoded.value]);
      octets?.fill(0);
    }
    return historyOf(records, ({ forms }) => readForms(forms, this.#options.forms).ok);
  }

  #revisions(): Revision[] {
    const { current, previous, trial } = this.#history;
    return [current, previous, trial].filter((revision) => revision !== undefined);
  }

  #view(revision: Revision | undefined): RevisionView | undefined {
    if (revision === undefined) return undefined;
    const { number, forms, origin, trial } = revision.head;
    const document = readForms(forms, this.#options.forms);
    if (!document.ok) return undefined;
    return { number, document: document.value, origin, ...(trial === undefined ? {} : { trial }) };
  }

  #unsealed({
    head,
    credentials,
    context,
  }: {
    readonly head: RevisionHead;
    readonly credentials: Uint8Array;
    readonly context: Uint8Array;
  }): Result<CredentialFiles, FlashFailure> {
    if (head.keyStore === undefined) return unpackCredentials(credentials);
    const { keyStore } = this.#options;
    if (keyStore?.name !== head.keyStore) {
      const found = keyStore === undefined ? 'this router has none' : `this router has ${keyStore.name}`;
      return fail('KEY_STORE', `the credentials are sealed by the key store ${head.keyStore}; ${found}`);
    }
    const plain = keyStore.open(credentials, context);
    if (!plain.ok) return plain;
    const files = unpackCredentials(plain.value);
    plain.value.fill(0);
    return files;
  }

  /** Why nothing is to be written; undefined where that is fine. */
  #refusal(): string | undefined {
    const [problem] = this.#contentsProblem();
    return problem;
  }

  #contentsProblem(): string[] {
    switch (this.#log.contents) {
      case 'later-format':
        return ['the device holds records of a later version of the config flash: it is left as it is'];
      case 'other':
        return [
          'the device holds something that is no config flash, or it is too small for one: it is left as it is',
        ];
      default:
        return [];
    }
  }

  #copyProblem({ isComplete, damagedSectors, refusal }: CopyStatus, index: number): string[] {
    if (this.#log.contents !== 'records') return [];
    return [
      ...(isComplete ? [] : [`copy ${index + 1} is not whole; the other one has what is in force`]),
      ...(damagedSectors === 0 ? [] : [`copy ${index + 1}: ${damagedSectors} damaged sectors`]),
      ...(refusal === '' ? [] : [`copy ${index + 1} could not be written: ${refusal}`]),
    ];
  }

  #note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }
}

const noRevision = fail('RECORD', 'the record is no revision of settings');
