/**
 * What the tables of an engine in another thread are, for whoever changes them: the same changes are planned here as there, in the
 * same order, so what is refused is known before anything is said. Of keys it has what the change has, which whoever made it wipes.
 */
import { planChange, refusalOf } from './change-plan.ts';
import type { TableChange } from './engine.ts';
import { type Capacities, defaultCapacities } from './memory-layout.ts';
import { adoptPlan, Tables } from './tables.ts';

export class TableShadow {
  readonly #tables: Tables;

  /** What is left out has the default, as in the engine. */
  constructor(capacities: Partial<Capacities>) {
    this.#tables = new Tables({ ...defaultCapacities, ...capacities });
  }

  /** Why the engine would refuse `change` now, or undefined. */
  refusal(change: TableChange): string | undefined {
    return refusalOf(this.#tables, change);
  }

  /** The engine is told this change. Throws HostError CAPACITY or CONFIG_INVALID where it would refuse it. */
  note(change: TableChange): void {
    adoptPlan(this.#tables, planChange(this.#tables, change));
  }
}
