/** Rules and named counters of nftables in a namespace of the lab. */
import { z } from 'zod';
import { insideNamespace, namespacePrefix, runCommand } from './namespaces.ts';

const listingSchema = z.object({
  nftables: z.array(
    z.looseObject({ counter: z.looseObject({ name: z.string(), packets: z.number() }).optional() }),
  ),
});

/** Applies a ruleset, as `nft -f` does: all of it or nothing. */
export function applyRules(lab: string, namespace: string, rules: string): void {
  runCommand(insideNamespace(namespacePrefix(lab) + namespace, ['nft', '-f', '-']), rules);
}

/** Packets of a table's named counters. */
export function readCounters(
  lab: string,
  namespace: string,
  family: string,
  table: string,
): Map<string, number> {
  const command = ['nft', '-j', 'list', 'counters', 'table', family, table];
  const { nftables } = listingSchema.parse(
    JSON.parse(runCommand(insideNamespace(namespacePrefix(lab) + namespace, command))),
  );
  return new Map(
    nftables.flatMap(({ counter }) => (counter === undefined ? [] : [[counter.name, counter.packets]])),
  );
}
