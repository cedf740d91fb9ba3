/**
 * Settings as a record keeps them: one document for each version of the settings' schema that is to understand it.
 *
 * The writer puts down its own form and the one of the version before, so that the software before this one, which a roll-back
 * brings back, finds what it can read. *Why not one form, with unknown fields passed over?* Because these are security policies: a
 * version that passes over a field of a selector which it does not know protects other packets than were meant. Who adds a field
 * knows what its absence has to mean, and says so in `down`. So a field that is added raises the version, and no version passes
 * over anything.
 *
 * What the older software writes, it writes in its form, and it keeps the newer form that it cannot read, untouched. The newer
 * software sees by `basedOn` that the older form was changed since, takes that up, and is given the form that was kept, for
 * what the older one cannot say. Pure.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { fail, ok, type Result } from '../model/result.ts';

/** Settings of some version, as JSON has them. */
export type SettingsDocument = Readonly<Record<string, unknown>>;

/** How to get from a version to the next one, and back. */
export interface Migration {
  /** The older of the two versions. */
  readonly from: number;
  /**
   * @param kept the newer form as it was before the older software changed the older one; take from it what that cannot say
   */
  readonly up: (document: SettingsDocument, kept?: SettingsDocument) => SettingsDocument;
  /** Undefined where the older version has no words for it, and would do something else than was meant. */
  readonly down: (document: SettingsDocument) => SettingsDocument | undefined;
}

export interface FormTable {
  /** The version that this software reads and writes. */
  readonly version: number;
  /** One for each step up to it, in ascending order, from the oldest that can still be read. */
  readonly migrations: readonly Migration[];
}

export const formSchema = z.looseObject({
  version: z.int().min(1),
  document: z.record(z.string(), z.unknown()),
  /** Digest of the next older form, as it was when this one was written; absent in the oldest. */
  basedOn: z.string().optional(),
});

/** One version's view of the settings. */
export type Form = z.output<typeof formSchema>;

/**
 * The settings as the table's version has them.
 *
 * @returns FORM where no form is of this version or of one that can be brought up to it
 */
export function readForms(forms: readonly Form[], table: FormTable): Result<SettingsDocument, 'FORM'> {
  const readable = forms
    .filter(({ version }) => version <= table.version && version >= oldest(table))
    .sort((a, b) => a.version - b.version);
  const [first, ...newer] = readable;
  if (first === undefined) {
    const found = forms.map(({ version }) => version).join(', ');
    return fail(
      'FORM',
      `expected settings of a version from ${oldest(table)} to ${table.version}, found ${found || 'none'}`,
    );
  }
  // Upwards from the oldest: a form counts as long as nothing below it was changed since.
  let { version, document } = first;
  let below = first.document;
  let isChanged = false;
  for (const form of newer) {
    isChanged ||= form.basedOn !== digest(below);
    document = isChanged ? lifted(version, form.version, document, table, form.document) : form.document;
    below = form.document;
    version = form.version;
  }
  return ok(lifted(version, table.version, document, table));
}

/**
 * Forms to write for a document of the table's version: its own, the one of the version before where that has words for it, and
 * those of later versions that `kept` had, untouched.
 */
export function writeForms(
  document: SettingsDocument,
  table: FormTable,
  kept: readonly Form[] = [],
): readonly Form[] {
  const later = kept.filter(({ version }) => version > table.version);
  const step = table.migrations.find(({ from }) => from === table.version - 1);
  const below = step?.down(document);
  if (below === undefined) return [...later, { version: table.version, document }];
  return [
    ...later,
    { version: table.version, document, basedOn: digest(below) },
    { version: table.version - 1, document: below },
  ];
}

/** True where the software before this one would understand the forms. */
export function survivesRollBack(forms: readonly Form[], table: FormTable): boolean {
  return table.migrations.length === 0 || forms.some(({ version }) => version === table.version - 1);
}

/** Brought up from one version to another; the last step is given what was kept of that version. */
function lifted(
  from: number,
  to: number,
  document: SettingsDocument,
  { migrations }: FormTable,
  kept?: SettingsDocument,
): SettingsDocument {
  return migrations
    .filter((step) => step.from >= from && step.from < to)
    .reduce((lower, step) => step.up(lower, step.from + 1 === to ? kept : undefined), document);
}

function oldest({ version, migrations }: FormTable): number {
  return migrations[0]?.from ?? version;
}

/** Of a document's content, whatever the order of its fields. */
function digest(document: SettingsDocument): string {
  return createHash('sha256')
    .update(JSON.stringify(ordered(document)))
    .digest('base64url')
    .slice(0, 22);
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, one]) => [name, ordered(one)]),
  );
}
