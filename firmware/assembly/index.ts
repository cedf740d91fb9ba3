// The firmware's exports: everything that the host may call.
export function abi_version(): u32 {
  return 1;
}
// Without the extension: asc takes ".ts" in an import, but not in a re-export.
export * from './crypto/primitives';
