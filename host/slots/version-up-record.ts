/**
 * What became of the last version-up, as a board keeps it over restarts (StateStore `version-up`). Who writes the idle slot puts
 * down 'writing', 'refused' and 'trial'; who judges the trial 'confirmed' and 'reverted'.
 */
import type { StateStore } from '../flash/state.ts';
import { type VersionUpStage, versionUpStages } from '../model/version-up.ts';
import type { SlotName } from './slot.ts';

export interface VersionUpRecord {
  /** The version that was to come; empty where none was named. */
  readonly version: string;
  /** The slot that it was for. */
  readonly slot: SlotName;
  readonly stage: Exclude<VersionUpStage, 'none'>;
  /** Why it was refused or reverted; otherwise empty. */
  readonly reason: string;
  /** When this stage began, by the router's clock: milliseconds since 1970. */
  readonly at: number;
  /** The start of the machine in which it was written, as the kernel names it; absent where nobody has to know. */
  readonly bootId?: string | undefined;
}

const name = 'version-up';

/** Longest reason that is kept. */
const longestReason = 500;

/** The record; undefined when there never was a version-up, or nothing can be made of what is kept. */
export function readVersionUpRecord(state: StateStore): VersionUpRecord | undefined {
  const octets = state.read(name);
  if (octets === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(octets));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, slot, stage, reason, at, bootId } = value as Record<string, unknown>;
  if (typeof version !== 'string' || typeof reason !== 'string' || typeof at !== 'number') return undefined;
  if ((slot !== 'a' && slot !== 'b') || !isStage(stage)) return undefined;
  const record: VersionUpRecord = { version, slot, stage, reason, at };
  return typeof bootId === 'string' ? { ...record, bootId } : record;
}

/** Keeps the record; durable when it returns. Throws HostError FLASH. */
export function writeVersionUpRecord(state: StateStore, record: VersionUpRecord): void {
  const text = JSON.stringify({ ...record, reason: record.reason.slice(0, longestReason) });
  state.write(name, new TextEncoder().encode(text));
}

function isStage(value: unknown): value is VersionUpRecord['stage'] {
  return value !== 'none' && (versionUpStages as readonly unknown[]).includes(value);
}
