/** The two places on a board's disk for a whole system: one runs, a version-up is written to the other. */
export type SlotName = 'a' | 'b';

export function otherSlot(slot: SlotName): SlotName {
  return slot === 'a' ? 'b' : 'a';
}
