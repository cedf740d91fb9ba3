/**
 * Remembers which row decided about a flow. An entry is stamped with the generation that it was looked up in, so a commit
 * forgets all of them at once; a place holds one flow, and a newcomer takes it: a full cache is slow, never wrong.
 *
 * The hash is keyed at random, so that nobody outside can aim at places.
 */
import { FLOW_GENERATION, FLOW_ROW, FLOW_SIZE } from '../../abi/bank.ts';
import { CONFIGURATION_ADDRESS, CONFIGURATION_FLOW_KEY } from '../../abi/layout.ts';
import { SELECTOR } from '../packet/inspect.ts';
import { flowPlaces, flows } from '../regions.ts';

/** Odd 64-bit constants with balanced bits (the fractional part of the golden ratio, and xxHash64's second prime). */
// biome-ignore-start lint/correctness/noPrecisionLoss: these are u64 constants of AssemblyScript
const MULTIPLIER: u64 = 0x9e3779b97f4a7c15;
const FINISHER: u64 = 0xc2b2ae3d27d4eb4f;
// biome-ignore-end lint/correctness/noPrecisionLoss: as above

/** The row that decided about the inspected packet's flow in this generation, or 0. */
export function findFlow(generation: u32): usize {
  const flowPtr = place();
  if (load<u32>(flowPtr, FLOW_GENERATION) !== generation) return 0;
  const difference = v128.or(
    v128.xor(v128.load(flowPtr, 0), v128.load(SELECTOR, 0)),
    v128.or(
      v128.xor(v128.load(flowPtr, 16), v128.load(SELECTOR, 16)),
      v128.xor(v128.load(flowPtr, 32), v128.load(SELECTOR, 32)),
    ),
  );
  if (v128.any_true(difference) || load<u64>(flowPtr, 48) !== load<u64>(SELECTOR, 48)) return 0;
  return <usize>load<u32>(flowPtr, FLOW_ROW);
}

/** Remembers that `rowPtr` decides about the inspected packet's flow in this generation. */
export function rememberFlow(generation: u32, rowPtr: usize): void {
  const flowPtr = place();
  v128.store(flowPtr, v128.load(SELECTOR, 0), 0);
  v128.store(flowPtr, v128.load(SELECTOR, 16), 16);
  v128.store(flowPtr, v128.load(SELECTOR, 32), 32);
  store<u64>(flowPtr, load<u64>(SELECTOR, 48), 48);
  store<u32>(flowPtr, generation, FLOW_GENERATION);
  store<u32>(flowPtr, <u32>rowPtr, FLOW_ROW);
}

/** The place of the inspected packet's flow. */
function place(): usize {
  let hash = load<u64>(CONFIGURATION_ADDRESS + CONFIGURATION_FLOW_KEY);
  const key = load<u64>(CONFIGURATION_ADDRESS + CONFIGURATION_FLOW_KEY + 8);
  for (let offset: usize = 0; offset < 56; offset += 8) {
    hash = (hash ^ load<u64>(SELECTOR + offset)) * MULTIPLIER + key;
    hash ^= hash >> 29;
  }
  hash *= FINISHER;
  return flows + <usize>(<u32>(hash >> 32) & (flowPlaces - 1)) * FLOW_SIZE;
}
