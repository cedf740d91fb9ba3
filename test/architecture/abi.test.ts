/**
 * The numbers that host and firmware share: the fields of each record lie beside each other, aligned, inside the record;
 * enumerations and flags are distinct. Each field's width is written down here a second time, so that a field that is
 * added or moved without thought fails.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root, withoutComments } from './sources.ts';

const files = readdirSync(join(root, 'firmware/abi')).filter((file) => file.endsWith('.ts'));
const constants = new Map<string, number>();
const homes = new Map<string, string>();
for (const file of files) {
  const module: Record<string, unknown> = await import(join(root, 'firmware/abi', file));
  for (const [name, value] of Object.entries(module)) {
    if (typeof value !== 'number') continue;
    homes.set(name, homes.has(name) ? `${homes.get(name)} and ${file}` : file);
    constants.set(name, value);
  }
}

interface RecordTable {
  /** Octets of the whole record. */
  readonly size: string;
  readonly prefix: string;
  /** Octets of each field by its name without the prefix, in ascending order. */
  readonly fields: Readonly<Record<string, number>>;
  /** Constants with the prefix that are values and not places. */
  readonly values: RegExp;
}

const records: readonly RecordTable[] = [
  {
    prefix: 'SA_',
    size: 'SA_SLOT_SIZE',
    fields: {
      STATE: 4,
      SPI: 4,
      FLAGS: 4,
      ENCRYPTION: 4,
      SEQUENCE: 8,
      OCTETS: 8,
      PACKETS: 8,
      SOFT_AT_SECONDS: 4,
      HARD_AT_SECONDS: 4,
      SOFT_OCTETS: 8,
      HARD_OCTETS: 8,
      SOFT_PACKETS: 8,
      HARD_PACKETS: 8,
      RAISED: 4,
      SALT: 4,
      REPLAY_WINDOW: 4,
      DSCP: 4,
      SELECTOR_FIRST: 4,
      SELECTOR_COUNT: 4,
      PAIR_SPI: 4,
      PATH_MTU: 4,
      INTEGRITY: 4,
      ICV_LENGTH: 4,
      IV_LENGTH: 4,
      ALIGNMENT: 4,
      LOCAL_ADDRESS: 16,
      PEER_ADDRESS: 16,
      LOCAL_PORT: 4,
      PEER_PORT: 4,
      MOVED_AT_SECONDS: 4,
      TFC_LENGTH: 4,
      ICV_FAILURES: 4,
    },
    values: /^SA_(?:SLOT_SIZE$|STATE_|FLAG_|RAISED_)/,
  },
  {
    prefix: 'ROW_',
    size: 'ROW_SIZE',
    fields: {
      LOCAL: 16,
      LOCAL_MASK: 16,
      REMOTE: 16,
      REMOTE_MASK: 16,
      FIRST: 16,
      LAST: 16,
      PROTOCOL: 4,
      FAMILY: 4,
      ACTION: 4,
      ENTRY: 4,
      SLOT: 4,
      SPI: 4,
      ORDER: 4,
      BELOW: 4,
    },
    values: /^ROW_SIZE$/,
  },
  {
    prefix: 'DESCRIPTOR_',
    size: 'DESCRIPTOR_SIZE',
    fields: {
      VERDICT: 4,
      REASON: 4,
      START: 4,
      LENGTH: 4,
      ESP_START: 4,
      ESP_LENGTH: 4,
      PAIR_SPI: 4,
      INPUT: 4,
      TOS: 4,
      MTU: 4,
      ENTRY: 4,
      SLOT: 4,
      FAMILY: 4,
      PEER_PORT: 4,
      LOCAL_PORT: 4,
      PEER: 16,
      LOCAL: 16,
      DONT_FRAGMENT: 4,
      TTL: 4,
      UDP: 4,
      AH: 4,
      BUNDLE_NEXT: 4,
      BUNDLE_SKIP: 4,
    },
    values: /^DESCRIPTOR_SIZE$/,
  },
  {
    prefix: 'EVENT_',
    size: 'EVENT_SIZE',
    fields: { KIND: 4, SPI: 4, ENTRY: 4, FAMILY: 4, PROTOCOL: 4, PORT: 4, VALUES: 16, LOCAL: 16, REMOTE: 16 },
    values:
      /^EVENT_(?:SIZE|HEAD|TAIL|RECORDS|ACQUIRE|SOFT_LIFETIME|HARD_LIFETIME|FIRST_AUTHENTIC|UNKNOWN_SPI|PEER_MOVED)$/,
  },
  {
    prefix: 'EVENT_',
    size: 'EVENT_RECORDS',
    fields: { HEAD: 4, TAIL: 4 },
    values: /^EVENT_(?!HEAD$|TAIL$)/,
  },
  {
    prefix: 'HELD_',
    size: 'HELD_RECORD_SIZE',
    fields: { KIND: 4, KEY: 4, ARRIVAL: 8, DESCRIPTOR: 128 },
    values: /^HELD_(?:RECORD_SIZE|FREE|OUTBOUND|INBOUND)$/,
  },
  {
    prefix: 'CONFIGURATION_',
    size: 'CONFIGURATION_SIZE',
    fields: {
      ABI_VERSION: 4,
      SA_PAIRS: 4,
      SPD_ROWS: 4,
      SPD_ENTRIES: 4,
      BINDING_ROWS: 4,
      PACKET_SLOTS: 4,
      PACKET_OCTETS: 4,
      HELD_PACKETS: 4,
      HELD_PER_KEY: 4,
      EVENTS: 4,
      FLOWS: 4,
      BUNDLES: 4,
      FLOW_KEY: 16,
      REGIONS: 4 * (constants.get('REGION_COUNT') ?? 0),
    },
    values: /^CONFIGURATION_(?:ADDRESS|SIZE)$/,
  },
  {
    prefix: 'KEY_STAGING_',
    size: 'KEY_STAGING_SIZE',
    fields: {
      ENCRYPTION_LENGTH: 4,
      AUTHENTICATION_LENGTH: 4,
      ENCRYPTION: 64,
      AUTHENTICATION: 64,
      IV_KEY: 16,
    },
    values: /^KEY_STAGING_SIZE$/,
  },
  {
    prefix: 'HMAC_JOB_',
    size: 'HMAC_JOB_SIZE',
    fields: { CONTEXT: 4, MESSAGE: 4, LENGTH: 4, OUT: 4 },
    values: /^HMAC_JOB_SIZE$/,
  },
  {
    prefix: 'BINDING_',
    size: 'BINDING_SIZE',
    fields: { FIRST: 4, COUNT: 4 },
    values: /^BINDING_SIZE$/,
  },
  {
    prefix: 'SAD_',
    size: 'SAD_SIZE',
    fields: { SPI: 4, STATE: 4 },
    values: /^SAD_(?:SIZE|EMPTY|PENDING|LIVE)$/,
  },
  {
    prefix: 'ENTRY_STATE_',
    size: 'ENTRY_STATE_SIZE',
    fields: { GENERATION: 4, SECOND: 4 },
    values: /^ENTRY_STATE_SIZE$/,
  },
  {
    prefix: 'CBC_JOB_',
    size: 'CBC_JOB_SIZE',
    fields: { IV: 4, TEXT: 4, LENGTH: 4, SCHEDULE: 4 },
    values: /^CBC_JOB_SIZE$/,
  },
  {
    prefix: 'FLOW_',
    size: 'FLOW_SIZE',
    fields: { GENERATION: 4, ROW: 4 },
    values: /^FLOW_SIZE$/,
  },
];

/** What is wrong with one record; an empty list when nothing is. */
function problemsOf(record: RecordTable, values: ReadonlyMap<string, number>): string[] {
  const problems: string[] = [];
  const size = values.get(record.size);
  if (size === undefined) return [`${record.size} is missing`];
  let end = 0;
  for (const [field, width] of Object.entries(record.fields)) {
    const name = record.prefix + field;
    const at = values.get(name);
    if (at === undefined) {
      problems.push(`${name} is missing`);
      continue;
    }
    if (at < end) problems.push(`${name} at ${at} overlaps what ends at ${end}`);
    if (at % Math.min(width, 8) !== 0) problems.push(`${name} at ${at} is not aligned`);
    end = at + width;
  }
  if (end > size) problems.push(`${record.prefix} fields end at ${end}, beyond ${size}`);
  for (const name of values.keys()) {
    if (!name.startsWith(record.prefix) || record.values.test(name)) continue;
    if (!(name.slice(record.prefix.length) in record.fields)) problems.push(`${name} has no width here`);
  }
  return problems;
}

function named(pattern: RegExp): [string, number][] {
  return [...constants].filter(([name]) => pattern.test(name));
}

describe('firmware/abi', () => {
  it('defines every constant once', () => {
    expect(constants.size).toBeGreaterThan(150);
    expect([...homes].filter(([, home]) => home.includes(' and '))).toEqual([]);
  });

  it('has only what both compilers read alike: plain numbers, no functions but in the table of drop reasons', () => {
    const others = files.filter((file) => file !== 'drop-reason.ts');
    const odd = others.flatMap((file) =>
      withoutComments(read(`firmware/abi/${file}`))
        .split('\n')
        .filter(
          (line) =>
            line.trim() !== '' && !/^export const [A-Z][A-Z0-9_]* = [-0-9a-fA-Fx_A-Z*+ ()]+;$/.test(line),
        )
        .map((line) => `${file}: ${line}`),
    );
    expect(odd).toEqual([]);
  });

  it('stays below 2^31, above which asc and Node would disagree on the sign', () => {
    expect(
      [...constants].filter(([, value]) => !Number.isInteger(value) || value < 0 || value > 0x7fffffff),
    ).toEqual([]);
  });

  it.each(records.map((record) => [record.prefix, record] as const))(
    '%s fields lie in their record, aligned and apart',
    (_, record) => {
      expect(problemsOf(record, constants)).toEqual([]);
    },
  );

  it.each([
    ['drop codes', /^DROP_(?!CODE_COUNT)/],
    ['verdicts', /^VERDICT_/],
    ['actions', /^ACTION_/],
    ['encryptions', /^ENCRYPTION_/],
    ['integrities', /^INTEGRITY_/],
    ['regions', /^REGION_(?!COUNT)/],
    ['SA states', /^SA_STATE_/],
    ['SA flags', /^SA_FLAG_/],
    ['raised events', /^SA_RAISED_/],
    ['inputs', /^INPUT_/],
    ['SAD states', /^SAD_(?:EMPTY|PENDING|LIVE)$/],
    ['what configure refuses', /^CONFIGURE_/],
    ['what staging refuses', /^STAGE_/],
    ['held kinds', /^HELD_(?:FREE|OUTBOUND|INBOUND)$/],
    ['event kinds', /^EVENT_(?:ACQUIRE|SOFT_LIFETIME|HARD_LIFETIME|FIRST_AUTHENTIC|UNKNOWN_SPI|PEER_MOVED)$/],
  ])('%s are distinct', (_, pattern) => {
    const values = named(pattern).map(([, value]) => value);
    expect(values.length).toBeGreaterThan(1);
    expect(new Set(values).size).toBe(values.length);
  });

  it('flags are single bits', () => {
    const flags = named(/^(?:SA_FLAG|SA_RAISED|INPUT)_/);
    expect(flags.filter(([, value]) => value === 0 || (value & (value - 1)) !== 0)).toEqual([]);
  });

  it('counters are 64-bit, distinct, and have room for every drop code', () => {
    const places = named(/^COUNTER_(?!DROPS$|PATH$)/).map(([, value]) => value);
    expect(new Set(places).size).toBe(places.length);
    const path = Math.min(...places);
    expect(
      places.filter((at) => at % 8 !== 0 || at < path || at + 8 > (constants.get('COUNTERS_SIZE') ?? 0)),
    ).toEqual([]);
    expect(8 * (constants.get('DROP_CODE_COUNT') ?? Infinity)).toBeLessThanOrEqual(path);
    expect(Math.max(...named(/^DROP_(?!CODE_COUNT)/).map(([, value]) => value)) + 1).toBe(
      constants.get('DROP_CODE_COUNT'),
    );
  });

  it('would notice a field that overlaps, is not aligned, ends outside, or is not written down', () => {
    const record = { prefix: 'X_', size: 'X_SIZE', fields: { A: 8, B: 4 }, values: /^X_SIZE$/ };
    const good = { X_SIZE: 12, X_A: 0, X_B: 8 };
    const found = (change: Record<string, number>): string[] =>
      problemsOf(record, new Map(Object.entries({ ...good, ...change })));
    expect(found({})).toEqual([]);
    expect(found({ X_B: 4 })).toHaveLength(1);
    expect(found({ X_B: 9 })).toHaveLength(2);
    expect(found({ X_SIZE: 8 })).toHaveLength(1);
    expect(found({ X_C: 12 })).toHaveLength(1);
  });
});
