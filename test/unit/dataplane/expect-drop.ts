/** Expects of one packet that it is dropped for one reason, and counted so. */
import { expect } from 'vitest';
import type { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { Outcome } from '../../../host/dataplane/engine.ts';
import { reason } from '../../property/dataplane/engines.ts';

/** Reasons for which something was dropped here. */
export const proven = new Set<string>();

/** Runs the packet and expects that it is dropped for `name`, and counted once more under it and under nothing else. */
export function expectDrop(engine: Dataplane, name: string, run: () => Outcome): Outcome {
  const before = engine.drops();
  const outcome = run();
  expect(reason(outcome)).toBe(name);
  const after = engine.drops();
  for (const other of Object.keys(after)) {
    expect(after[other]! - before[other]!, other).toBe(other === name ? 1n : 0n);
  }
  expect(engine.hasIntactCanaries()).toBe(true);
  proven.add(name);
  return outcome;
}
