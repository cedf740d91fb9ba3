// The firmware's exports: everything that the host may call.
export function abi_version(): u32 {
  return 1;
}
export * from './crypto/primitives.ts';
