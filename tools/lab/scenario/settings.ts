/**
 * How much a person types for ten routers that all talk to each other: real configuration files are generated, with a
 * policy for each pair and with one for all, and counted as `sekisho policy count` counts them, next to hand-set IPsec
 * with IKE.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { parseRouterFile } from '../../../host/router/settings-file.ts';
import { countSettings, type SettingsCount } from '../../../host/server/distribution-policies/count.ts';
import { parsePolicyFile } from '../../../host/server/distribution-policies/policy-file.ts';
import { type Outcome, shortfalls } from '../report.ts';
import type { Scene } from './scene.ts';

const routers = 10;
/** 2n(n-1), n(n+7)/2 and 4n+1 for n = 10. */
const expected = { conventional: 180, perPair: 85, shared: 41 };

export async function settings(scene: Pick<Scene, 'say'>): Promise<Outcome> {
  scene.say(
    `settings: what ${routers} routers take by hand, with a policy for each pair, and with one for all`,
  );
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-lab-settings-'));
  try {
    const perPair = countFiles(generateFiles(join(folder, 'per-pair'), pairPolicies()));
    const shared = countFiles(generateFiles(join(folder, 'shared'), [sharedPolicy]));
    const finding = {
      routers: perPair.routers,
      conventional: perPair.conventional,
      perPair: perPair.typed,
      shared: shared.typed,
      selectors: { perPair: perPair.spdSelectors, shared: shared.spdSelectors },
    };
    const keys = ['conventional', 'perPair', 'shared'] as const;
    return {
      finding: { settings: finding },
      shortfalls: shortfalls(
        ...keys.map((key) => {
          const line = `settings: ${key} ${finding[key]}, expected ${expected[key]}`;
          return [finding[key] === expected[key], line] as const;
        }),
      ),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads the files as the processes do and counts them. */
function countFiles([server = '', ...routerFiles]: readonly string[]): SettingsCount {
  return countSettings(
    parsePolicyFile(readFileSync(server, 'utf8'), server),
    routerFiles.map((file) => parseRouterFile(readFileSync(file, 'utf8'), file)),
  );
}

const names = Array.from({ length: routers }, (_, index) => `router-${index + 1}`);
const networkOf = (name: string) => `10.${names.indexOf(name) + 1}.0.0/16`;
const sharedPolicy = { kind: 'all', between: ['*', '*'] };

function pairPolicies(): object[] {
  return names.flatMap((a, index) => names.slice(index + 1).map((b) => ({ kind: 'all', between: [a, b] })));
}

/** Writes a whole fleet's files as a person would, and returns their paths. */
function generateFiles(folder: string, distributionPolicies: readonly object[]): string[] {
  mkdirSync(folder, { recursive: true });
  const write = (file: string, content: object): string => {
    writeFileSync(join(folder, file), stringify({ version: 1, ...content }));
    return join(folder, file);
  };
  const credential = (name: string) => ({ preSharedKeyFile: `${name}.psk` });
  const server = write('server.yaml', {
    server: { listen: [{ address: '192.0.2.10' }] },
    routers: names.map((name) => ({ name, credential: credential(name), networks: [networkOf(name)] })),
    distributionPolicies,
  });
  const files = names.map((name) =>
    write(`${name}.yaml`, {
      name,
      credential: credential(name),
      server: { address: '192.0.2.10' },
      unprotected: { interface: 'wan0' },
      protected: { interfaces: ['lan0'] },
      spd: names
        .filter((other) => other !== name)
        .map((other) => ({
          name: other,
          selector: { local: networkOf(name), remote: networkOf(other) },
          action: 'PROTECT',
          requestPeer: other,
        })),
    }),
  );
  return [server, ...files];
}
