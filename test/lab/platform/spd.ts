/** SPD entries in the tests' short form: `action local remote protocol localPorts remotePorts` with `*` for ANY. */
import type { SpdAction, SpdEntry } from '../../../host/model/policy.ts';
import { parsePrefix } from '../../../host/model/prefix.ts';
import type { Range, Selector } from '../../../host/model/selector.ts';

export function entry(
  name: string,
  action: SpdAction,
  local: string,
  remote: string,
  rest: Partial<Selector> = {},
): SpdEntry {
  return {
    name,
    action,
    selectors: [selector(local, remote, rest)],
    ...(action === 'PROTECT' ? { requestPeer: 'peer' } : {}),
  };
}

export function selector(local: string, remote: string, rest: Partial<Selector> = {}): Selector {
  return {
    local: prefix(local),
    remote: prefix(remote),
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
    ...rest,
  };
}

export function only(value: number): Range {
  return { first: value, last: value };
}

/** Entries as they come back from JSON, where octets have become objects. */
export function reviveEntries(entries: readonly SpdEntry[]): SpdEntry[] {
  return entries.map((one) => ({
    ...one,
    selectors: one.selectors.map((old) => ({
      ...old,
      local: revive(old.local),
      remote: revive(old.remote),
    })),
  }));
}

function revive(old: Selector['local']): Selector['local'] {
  return {
    length: old.length,
    address: { family: old.address.family, octets: Uint8Array.from(Object.values(old.address.octets)) },
  };
}

function prefix(text: string): Selector['local'] {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}
