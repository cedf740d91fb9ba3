/**
 * What a test needs from the machine beyond Node: privileges and programs of other people. A test whose need is not
 * met is skipped, with the reason in its name, so that `npm test` can list it; with CI=true it fails instead, because
 * there nothing may be left out unnoticed. It decides nothing about what the tests then do.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { describe, it } from 'vitest';

/** Marks the reason in the name of a skipped group; tools/test.ts reads it from there. */
export const skipMark = ' [skipped: ';

const probes = {
  /** Network namespaces, links and routes of our own: root, or a user namespace in which we are root. */
  namespaces: () =>
    works('unshare', ['--net', '--mount', 'true']) && works('ip', ['-Version'])
      ? undefined
      : 'needs root (or to run inside `unshare -Urnm`) and iproute2',
  tun: () => {
    try {
      accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
      return undefined;
    } catch {
      return 'needs /dev/net/tun, readable and writable';
    }
  },
  nftables: () => (works('nft', ['--version']) ? undefined : 'needs nft (Debian package nftables)'),
  tcpdump: () => (works('tcpdump', ['--version']) ? undefined : 'needs tcpdump (Debian package tcpdump)'),
  tshark: () => (works('tshark', ['--version']) ? undefined : 'needs tshark (Debian package tshark)'),
  scapy: () =>
    scapyPython() === undefined ? 'needs Scapy 2.5 or later (Debian package python3-scapy)' : undefined,
} satisfies Record<string, () => string | undefined>;

export type Requirement = keyof typeof probes;

const answers = new Map<Requirement, string | undefined>();

/** Why `requirement` is not met on this machine; undefined when it is. Asked once a process. */
export function missing(requirement: Requirement): string | undefined {
  if (!answers.has(requirement)) answers.set(requirement, probes[requirement]());
  return answers.get(requirement);
}

/** A `describe` whose tests run only where every requirement is met. */
export function describeWith(requirements: readonly Requirement[], name: string, body: () => void): void {
  const reasons = requirements.map(missing).filter((reason) => reason !== undefined);
  if (reasons.length === 0) {
    describe(name, body);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      it('finds what it needs', () => {
        throw new Error(`nothing may be skipped in CI: ${reasons.join('; ')}`);
      });
    });
  } else {
    describe.skip(`${name}${skipMark}${reasons.join('; ')}]`, body);
  }
}

/** A Python interpreter that has Scapy; Debian's own is tried first, since other ones rarely have it. */
export function scapyPython(): string | undefined {
  return ['/usr/bin/python3', 'python3'].find((python) => works(python, ['-c', 'import scapy.layers.ipsec']));
}

/** Runs a program and returns what it printed; throws with its error text. */
export function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

function works(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 30_000 }).status === 0;
}
