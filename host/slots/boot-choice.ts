/**
 * Which slot is to start, as the running system tells the boot loader: one line, written twice into the same block.
 *
 * ```
 * first=0000000017.a.b.11        generation, active slot, slot on trial or -, whether slot a and slot b are complete
 * second=0000000017.a.b.11
 * ```
 * A sector that was torn has a contiguous piece of the new content over the old. Where that leaves both lines equal, every
 * octet in which old and new differ is of the same of both: the first line ends, and the second one begins, with the piece. So
 * equal lines are the old choice or the new one, and never a mixture.
 */
import { decodeEnvironment, encodeEnvironment } from './environment-block.ts';
import type { SlotName } from './slot.ts';

export interface BootChoice {
  /** One more each time that it is written; the boot loader counts starts anew with it. */
  readonly generation: number;
  readonly active: SlotName;
  /** Started in place of the active one as long as it has tries left. */
  readonly trial: SlotName | undefined;
  /** Whether the slot holds a whole system, which was read back. */
  readonly isComplete: Readonly<Record<SlotName, boolean>>;
}

/** Always as many, so that a torn sector has every octet at its place. */
export const generationDigits = 10;
const lineForm = /^(\d+)\.([ab])\.([ab-])\.([01])([01])$/;

/** The block of a choice; `octets` is the size of its file. */
export function encodeChoice(choice: BootChoice, octets: number): Uint8Array {
  const { generation, active, trial, isComplete } = choice;
  const complete = `${Number(isComplete.a)}${Number(isComplete.b)}`;
  const line = `${generationText(generation)}.${active}.${trial ?? '-'}.${complete}`;
  return encodeEnvironment({ first: line, second: line }, octets);
}

/** undefined where the block was torn, or damaged. */
export function decodeChoice(block: Uint8Array): BootChoice | undefined {
  const variables = decodeEnvironment(block);
  const line = variables?.get('first');
  if (line === undefined || line !== variables?.get('second')) return undefined;
  const [, generation, active, trial, a, b] = lineForm.exec(line) ?? [];
  if (generation === undefined) return undefined;
  return {
    generation: Number(generation),
    active: active === 'b' ? 'b' : 'a',
    trial: trial === 'a' || trial === 'b' ? trial : undefined,
    isComplete: { a: a === '1', b: b === '1' },
  };
}

export function generationText(generation: number): string {
  return String(generation).padStart(generationDigits, '0');
}
