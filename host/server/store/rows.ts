/** Rows of the store as they must be: a file that somebody edited fails here, and not in the middle of the protocol. */
import { z } from 'zod';
import { type Endpoint, formatAddress, parseAddress } from '../../model/address.ts';
import { versionUpStages } from '../../model/version-up.ts';
import type { Revision } from '../distribution-policies/revisions.ts';
import type { StoredEntry } from '../management-table/entry.ts';
import { auditKinds, type StoredRouter } from '../request-processing/events.ts';
import { memberStates, rolloutStates, type StoredMember, type StoredRollout } from '../rollout/stored.ts';
import type { AuditRow } from './store.ts';

const halfSchema = z.strictObject({
  router: z.string(),
  request: z.strictObject({ id: z.string(), spi: z.number() }).nullable(),
  installed: z.boolean(),
  withdrawn: z.boolean(),
});

export const entrySchema: z.ZodType<StoredEntry> = z.strictObject({
  key: z.string(),
  state: z.enum(['half-empty', 'distributed', 'both-installed', 'withdrawing']),
  kind: z.string(),
  // Rows of schema 2 have none.
  lane: z.int().default(0),
  revision: z.number(),
  digest: z.string(),
  expiresAtUtcMs: z.number(),
  reason: z.string(),
  halves: z.tuple([halfSchema, halfSchema]),
});

/** An endpoint as it stands in a row: address as text, port. */
const endpointSchema = z
  .strictObject({ address: z.string(), port: z.int().min(1).max(65535) })
  .transform(({ address, port }, context): Endpoint => {
    const parsed = parseAddress(address);
    if (parsed.ok) return { address: parsed.value, port };
    context.issues.push({ code: 'custom', message: parsed.message, input: address });
    return z.NEVER;
  });

/** Rows of schema 1 have none. */
const versionUpSchema = z
  .strictObject({
    board: z.string(),
    slot: z.enum(['', 'a', 'b']),
    version: z.string(),
    stage: z.enum(versionUpStages),
    reason: z.string(),
    at: z.number(),
  })
  .nullable()
  .default(null);

export const routerSchema = z.strictObject({
  name: z.string(),
  boots: z.array(z.string()),
  proposals: z.array(z.string()),
  software: z.string(),
  endpoint: endpointSchema.nullable(),
  versionUp: versionUpSchema,
});

export const rolloutSchema: z.ZodType<StoredRollout> = z.strictObject({
  id: z.string(),
  version: z.string(),
  url: z.string(),
  stages: z.array(z.number()).min(1),
  maxFailures: z.int(),
  stageSeconds: z.number(),
  state: z.enum(rolloutStates),
  reason: z.string(),
  stage: z.int(),
  isExcused: z.boolean(),
  stageEndsAtUtcMs: z.number(),
  startedAtUtcMs: z.number(),
});

export const memberSchema: z.ZodType<StoredMember> = z.strictObject({
  router: z.string(),
  place: z.int(),
  state: z.enum(memberStates),
  reason: z.string(),
  toldAtUtcMs: z.number(),
  before: z.number(),
});

export const revisionSchema: z.ZodType<Revision> = z.strictObject({
  key: z.string(),
  digest: z.string(),
  revision: z.int(),
});

export const auditRowSchema = z
  .object({
    at_utc_ms: z.number(),
    what: z.enum(auditKinds),
    router: z.string(),
    peer: z.string(),
    kind: z.string(),
    detail: z.string(),
  })
  .transform(({ at_utc_ms: atUtcMs, what, router, peer, kind: kindName, detail }): AuditRow => {
    return { atUtcMs, what, router, peer, kindName, detail };
  });

/** A router as `routerSchema` reads it. */
export function routerContent({ endpoint, ...rest }: StoredRouter): string {
  const place = endpoint === null ? null : { address: formatAddress(endpoint.address), port: endpoint.port };
  return JSON.stringify({ ...rest, endpoint: place });
}
