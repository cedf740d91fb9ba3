/**
 * What the records of the config flash say: a revision of the settings, what became of one that was on trial, or that everything
 * before is void. A record is its kind, the length of its head, the head in JSON, and for a revision its credentials.
 *
 * A head may have fields that this version does not know: they are passed over, for none of them is a setting. A record of a
 * kind that it does not know is kept.
 */
import { z } from 'zod';
import { fail, ok, type Result } from '../model/result.ts';
import { formSchema } from './form.ts';

const kinds = { revision: 1, decision: 2, reset: 3 } as const;
const headAt = 5;

const revisionNumber = z.int().min(1);

const trialSchema = z.looseObject({
  /** How long the router tries it before it goes back. */
  seconds: z.number().min(1),
  /** A person has to confirm it; otherwise an answer of the server does. */
  isManual: z.boolean(),
});

const revisionSchema = z.looseObject({
  number: revisionNumber,
  /** What made it: `apply`, `set`, `rollback`. */
  origin: z.string(),
  /** The software that wrote it. */
  software: z.string(),
  /** Absent in a revision that is in force from when it is written. */
  trial: trialSchema.optional(),
  /** Name of the key store that sealed the credentials; absent where they are plain. */
  keyStore: z.string().optional(),
  /** Everything before is void: it was written because its credentials were sealed, and nothing plain is to be left. */
  voidsBefore: z.literal(true).optional(),
  forms: z.array(formSchema),
});

const decisionSchema = z.looseObject({
  number: revisionNumber,
  decision: z.enum(['confirmed', 'reverted']),
  reason: z.string(),
});

const resetSchema = z.looseObject({
  /** The last number that was given to a revision; numbers are not given twice. */
  lastNumber: z.int().min(0),
});

export type Trial = z.output<typeof trialSchema>;
export type RevisionHead = z.output<typeof revisionSchema>;
export type Decision = z.output<typeof decisionSchema>;

export type FlashRecord =
  | {
      readonly kind: 'revision';
      readonly head: RevisionHead;
      /** As they are in the record, sealed or plain: a view into it. */
      readonly credentials: Uint8Array;
      /** What a seal of the credentials goes with: a view into the record. */
      readonly context: Uint8Array;
    }
  | { readonly kind: 'decision'; readonly head: Decision }
  | { readonly kind: 'reset'; readonly head: z.output<typeof resetSchema> }
  /** Of a later version. */
  | { readonly kind: 'unknown'; readonly code: number };

/**
 * The octets of a revision; `seal` is given its head, for the seal to go with, and returns the credentials as they are to be written,
 * or why there are none.
 */
export function encodeRevision<Code extends string>(
  head: RevisionHead,
  seal: (context: Uint8Array) => Result<Uint8Array, Code>,
): Result<Uint8Array, Code> {
  const start = encodeHead(kinds.revision, head);
  const credentials = seal(start);
  if (!credentials.ok) return credentials;
  const record = new Uint8Array(start.length + credentials.value.length);
  record.set(start);
  record.set(credentials.value, start.length);
  credentials.value.fill(0);
  return ok(record);
}

export function encodeDecision(head: Decision): Uint8Array {
  return encodeHead(kinds.decision, head);
}

export function encodeReset(lastNumber: number): Uint8Array {
  return encodeHead(kinds.reset, { lastNumber });
}

/** Reads a record. Its views are valid as long as `record` is not wiped. */
export function decodeRecord(record: Uint8Array): Result<FlashRecord, 'RECORD'> {
  if (record.length < headAt)
    return fail('RECORD', `expected at least ${headAt} octets, found ${record.length}`);
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const code = view.getUint8(0);
  const end = headAt + view.getUint32(1);
  if (end > record.length) return fail('RECORD', 'its head is cut short');
  const context = record.subarray(0, end);
  const credentials = record.subarray(end);
  const head = parseJson(record.subarray(headAt, end));
  switch (code) {
    case kinds.revision:
      return checked(revisionSchema, head, (value) => ({
        kind: 'revision',
        head: value,
        credentials,
        context,
      }));
    case kinds.decision:
      return checked(decisionSchema, head, (value) => ({ kind: 'decision', head: value }));
    case kinds.reset:
      return checked(resetSchema, head, (value) => ({ kind: 'reset', head: value }));
    default:
      return ok({ kind: 'unknown', code });
  }
}

function encodeHead(code: number, head: object): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const record = new Uint8Array(headAt + text.length);
  const view = new DataView(record.buffer);
  view.setUint8(0, code);
  view.setUint32(1, text.length);
  record.set(text, headAt);
  return record;
}

function parseJson(octets: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets));
  } catch {
    return undefined;
  }
}

function checked<Schema extends z.ZodType>(
  schema: Schema,
  head: unknown,
  record: (value: z.output<Schema>) => FlashRecord,
): Result<FlashRecord, 'RECORD'> {
  const parsed = schema.safeParse(head);
  if (parsed.success) return ok(record(parsed.data));
  const [issue] = parsed.error.issues;
  return fail('RECORD', `its head cannot be read: ${issue?.path.join('.')}: ${issue?.message}`);
}
