/**
 * Policy routing into the TUN: packets with our mark look into a table of our own, whose only route is the TUN. Both are
 * brought to exactly the wanted state whatever was there before; rules and tables of others are not touched.
 */
import { existsSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';
import { runTool } from './run-tool.ts';

export interface SteeringRoute {
  readonly tunName: string;
  readonly tunMark: number;
  /** Number of the routing table that is ours alone. */
  readonly table: number;
  /** Place among the routing rules: after `local` (0), before `main` (32766). */
  readonly priority: number;
}

export const ROUTE_TABLE = 24138;
export const RULE_PRIORITY = 4500;

type Family = 4 | 6;

interface RoutingRule {
  readonly priority: number;
  readonly mark: number | undefined;
  readonly table: string;
}

/** Leads marked packets into the TUN, which must be up. Throws HostError PLATFORM. */
export function installSteeringRoute(steering: SteeringRoute): void {
  for (const family of usableFamilies()) {
    ip(family, ['route', 'replace', 'default', 'dev', steering.tunName, 'table', String(steering.table)]);
    const ours = rulesOf(family, steering);
    const [kept] = ours.filter((rule) => isWanted(rule, steering));
    if (kept === undefined) ip(family, ['rule', 'add', ...ruleArguments(wantedRule(steering))]);
    for (const rule of ours) if (rule !== kept) ip(family, ['rule', 'del', ...ruleArguments(rule)]);
  }
}

/** Removes rule and routes; marked packets are then dropped by the guard. No error if there are none. */
export function removeSteeringRoute(steering: SteeringRoute): void {
  for (const family of usableFamilies()) {
    for (const rule of rulesOf(family, steering)) ip(family, ['rule', 'del', ...ruleArguments(rule)]);
    // `flush` of a table that never was is an error in iproute2; a listing tells.
    const routes: unknown = JSON.parse(ip(family, ['-j', 'route', 'show', 'table', 'all']) || '[]');
    if (asArray(routes).some((route) => String(property(route, 'table')) === String(steering.table))) {
      ip(family, ['route', 'flush', 'table', String(steering.table)]);
    }
  }
}

/** Families that the kernel has and nobody turned off. */
export function usableFamilies(): Family[] {
  return existsSync('/proc/sys/net/ipv6') ? [4, 6] : [4];
}

/** Rules that name our mark or our table. */
function rulesOf(family: Family, steering: SteeringRoute): RoutingRule[] {
  const listing: unknown = JSON.parse(ip(family, ['-j', 'rule', 'show']));
  return asArray(listing)
    .map(parseRule)
    .filter((rule) => rule.mark === steering.tunMark || rule.table === String(steering.table));
}

function parseRule(rule: unknown): RoutingRule {
  const mark = property(rule, 'fwmark');
  return {
    priority: Number(property(rule, 'priority')),
    mark: mark === undefined ? undefined : Number(mark),
    table: String(property(rule, 'table')),
  };
}

function wantedRule(steering: SteeringRoute): RoutingRule {
  return { priority: steering.priority, mark: steering.tunMark, table: String(steering.table) };
}

function isWanted(rule: RoutingRule, steering: SteeringRoute): boolean {
  const wanted = wantedRule(steering);
  return rule.priority === wanted.priority && rule.mark === wanted.mark && rule.table === wanted.table;
}

function ruleArguments(rule: RoutingRule): string[] {
  const mark = rule.mark === undefined ? [] : ['fwmark', `0x${rule.mark.toString(16)}`];
  return ['priority', String(rule.priority), ...mark, 'table', rule.table];
}

function ip(family: Family, args: readonly string[]): string {
  return runTool('ip', [`-${family}`, ...args]);
}

function asArray(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new HostError('PLATFORM', 'ip -j: unexpected answer, expected a list');
  return value;
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
