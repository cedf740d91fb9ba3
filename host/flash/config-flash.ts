/**
 * The config flash of a router: its settings, as numbered revisions with their credentials, on a block device. What was in
 * force before a write is in force, or what the write says, wherever power is cut; what is damaged is said in `status`.
 *
 * No clock and no device of its own: both are injected. Who opens it for writing holds the device alone.
 */
import { fail, ok, type Result } from '../model/result.ts';
import type { BlockDevice } from './block-device.ts';
import {
  type CredentialFiles,
  packCredentials,
  unpackCredentials,
  wipeCredentials,
} from './credential-files.ts';
import { writeAnew } from './encryption.ts';
import { type FormTable, readForms, type SettingsDocument, survivesRollBack, writeForms } from './form.ts';
import { type History, historyOf, type NumberedRecord, type Revision } from './history.ts';
import { type KeyStore, sealAndProve } from './key-store.ts';
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
  /**
   * False while software that knows no key store may have to read what is written: credentials that are plain stay so for that long.
   * Absent: true.
   */
  readonly maySeal?: () => boolean;
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
  /** Name of the key store that sealed the credentials in force; null where they are plain. */
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
  /** There are records with credentials as they are, wanted or not. */
  #hasPlain = false;
  /** Why sealing them failed; empty when it did not. */
  #sealRefusal = '';
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
      keyStore: (current === undefined ? this.#options.keyStore?.name : current.head.keyStore) ?? null,
      copies,
      problems: [
        ...this.#contentsProblem(),
        ...problems,
        ...(reverted === undefined ? [] : [`revision ${reverted.number} was taken back: ${reverted.reason}`]),
        ...copies.flatMap((copy, index) => this.#copyProblem(copy, index)),
        ...this.#plainProblem(),
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

  /**
   * Writes a revision. Returns its number when at least one copy holds it. Where the key store cannot be used, nothing is written:
   * never plain for that.
   */
  write(draft: RevisionDraft): Result<number, FlashFailure> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return fail('FOREIGN', refusal);
    const before = this.sealCredentials();
    if (!before.ok) return before;
    const { forms, software } = this.#options;
    const { current, trial, lastNumber } = this.#history;
    const isSealed = current === undefined ? this.#maySeal() : current.head.keyStore !== undefined;
    const keyStore = isSealed ? this.#options.keyStore : undefined;
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
    const written = this.#writeRevision(head, draft.credentials, keyStore, spareSectors);
    if (!written.ok) return written;
    if (!survivesRollBack(head.forms, forms)) {
      this.#note(`revision ${number} says what the software before this one has no words for`);
    }
    return ok(number);
  }

  /**
   * Seals credentials that are on the flash as they are, where there is a key store now: the revision in force is written anew, with its
   * number, and everything else overwritten, the revision before it too. Cut off, it has happened or not; `repair` completes it. Returns
   * whether it was done: it waits for the end of a trial, and for whoever else may have to read the flash.
   */
  sealCredentials(): Result<boolean, FlashFailure> {
    const { keyStore } = this.#options;
    const { current, voidedBy } = this.#history;
    const isDone = !this.#hasPlain || (current?.head.keyStore !== undefined && voidedBy === current.sequence);
    if (keyStore === undefined || current === undefined || isDone) return ok(false);
    if (this.#sealingWaitsFor() !== undefined) return ok(false);
    const credentials = this.credentials(current.head.number);
    if (!credentials.ok) return credentials;
    const { trial: _, ...kept } = current.head;
    const head: RevisionHead = { ...kept, keyStore: keyStore.name, voidsBefore: true };
    const written = this.#writeRevision(head, credentials.value, keyStore, 0);
    wipeCredentials(credentials.value);
    this.#sealRefusal = written.ok ? '' : written.message;
    if (!written.ok) return written;
    this.#erase();
    return ok(true);
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

  /** Brings both copies to be whole, and completes a reset, or the sealing of what was plain. What was done is said in `status`. */
  repair(): void {
    if (this.#refusal() !== undefined || this.#log.contents !== 'records') return;
    for (const index of this.#log.repair(this.#history.wanted)) {
      this.#note(`copy ${index + 1} was not whole and was written anew`);
    }
    if (this.#history.voidedBy !== undefined) this.#erase();
  }

  #erase(): Result<null, FlashFailure> {
    const { voidedBy } = this.#history;
    if (voidedBy === undefined) return ok(null);
    const erased = this.#log.eraseAllBut(voidedBy);
    this.#history = this.#read();
    if (!erased.ok) this.#note(`not everything could be overwritten: ${erased.message}`);
    return erased;
  }

  #maySeal(): boolean {
    return this.#options.maySeal?.() ?? true;
  }

  /** Why credentials that are plain stay so for now. */
  #sealingWaitsFor(): string | undefined {
    if (!this.#maySeal()) return 'the software before this one may have to read them';
    if (this.#history.trial !== undefined) return 'settings are on trial';
    return this.#history.isShared ? 'other software has settings on the flash' : undefined;
  }

  #writeRevision(
    head: RevisionHead,
    files: CredentialFiles,
    keyStore: KeyStore | undefined,
    spare: number,
  ): Result<number, FlashFailure> {
    const record = encodeRevision(head, (context) => {
      const packed = packCredentials(files);
      if (keyStore === undefined) return ok(packed);
      const sealed = sealAndProve(keyStore, packed, context);
      packed.fill(0);
      return sealed;
    });
    if (!record.ok) return record;
    const written = this.#append(record.value, spare);
    record.value.fill(0);
    return written;
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
    this.#hasPlain = false;
    for (const sequence of this.#log.sequences) {
      const octets = this.#log.read(sequence);
      const decoded = octets === undefined ? undefined : decodeRecord(octets);
      if (decoded?.ok) records.push([sequence, decoded.value]);
      if (decoded?.ok && decoded.value.kind === 'revision')
        this.#hasPlain ||= decoded.value.head.keyStore === undefined;
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
      const found =
        keyStore === undefined
          ? 'this router has none. Where the board has it, name it by --flash-tpm DEVICE or --flash-key FILE'
          : `this router has ${keyStore.name}`;
      return fail(
        'KEY_STORE',
        `the credentials are sealed by the key store ${head.keyStore}; ${found}. ${writeAnew}`,
      );
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

  #plainProblem(): string[] {
    const { current } = this.#history;
    if (this.#options.keyStore === undefined || current === undefined) return [];
    if (current.head.keyStore !== undefined) return [];
    const why = this.#sealingWaitsFor() ?? (this.#sealRefusal || 'a router seals them when it starts');
    return [`the credentials are not encrypted yet: ${why}`];
  }

  #note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }
}

const noRevision = fail('RECORD', 'the record is no revision of settings');
