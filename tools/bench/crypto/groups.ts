/** How packets of a row share a key and go side by side in one of our modules. */
import { CBC_LANES, HMAC_LANES } from '../../../firmware/abi/crypto-context.ts';
import type { Field, Layout } from '../../primitives/fields.ts';
import type { KeyedPrimitive } from '../../primitives/shapes.ts';

export const cbcLanes = CBC_LANES;
export const hmacLanes = HMAC_LANES;

/** A context for `primitive`, filled from a key. */
export function setUp(primitive: KeyedPrimitive, key: Uint8Array, layout: Layout): Field {
  const context = layout.room(primitive.contextOctets);
  primitive.setup(context.address, layout.place(key).address, key.length);
  return context;
}

/** In order, `size` to a group. */
export function groupsOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, group) =>
    items.slice(group * size, (group + 1) * size),
  );
}
