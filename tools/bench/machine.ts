/** What figures depend on beside the code: processor, runtime, and the size of the module that ships. */
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly architecture: string;
  readonly node: string;
  readonly openssl: string;
  readonly firmwareOctets: number;
}

export function machine(): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? 'unknown',
    processors: all.length,
    architecture: process.arch,
    node: process.version,
    openssl: process.versions.openssl ?? 'none',
    firmwareOctets: statSync(fileURLToPath(new URL('../../build/firmware.wasm', import.meta.url))).size,
  };
}

export function describeMachine(facts: Machine): string {
  const { processor, processors, architecture, node, openssl, firmwareOctets } = facts;
  return `${processor} x${processors} (${architecture}), Node ${node}, OpenSSL ${openssl}, firmware.wasm ${firmwareOctets} octets`;
}
