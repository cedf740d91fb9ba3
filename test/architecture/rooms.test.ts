/** Who may import whom: docs/architecture.md's direction of dependency, file by file. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Import, importsIn, importsOf, loadedBy, root, sourceFiles } from './sources.ts';

/** For each room, the rooms that it may import besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'firmware/abi': [],
  'firmware/assembly': ['firmware/abi'],
  'host/model': [],
  'host/messages': ['host/model'],
  'host/ike': ['host/model'],
  // X.509 behind an interface of the model: IKE does not know it, and who needs no certificate does not load it.
  'host/certificates': ['host/model'],
  'host/authority': ['host/model'],
  'host/flash': ['host/model'],
  'host/tpm': ['host/model', 'host/flash'],
  'host/slots': ['host/model', 'host/flash'],
  'host/release': ['host/model', 'host/flash', 'host/slots'],
  // It has the sources of a version-up, as the release room wants them.
  'host/platform': ['host/model', 'host/release'],
  'host/dataplane': ['host/model', 'firmware/abi'],
  'host/packet-loop': ['host/model', 'host/dataplane', 'firmware/abi'],
  'host/channel': ['host/model', 'host/ike', 'host/dataplane'],
  'host/router': [
    'host/model',
    'host/messages',
    'host/channel',
    'host/dataplane',
    'host/flash',
    'host/packet-loop',
    'host/slots',
  ],
  'host/server': ['host/model', 'host/messages', 'host/channel', 'host/dataplane', 'host/flash'],
  // All of it put together, as an entry point does, but without the platform.
  'host/rehearsal': [
    'host/model',
    'host/messages',
    'host/channel',
    'host/dataplane',
    'host/packet-loop',
    'host/router',
    'host/server',
  ],
  'host/console': ['host/model'],
};

/** Entry points put the rooms together and inject the platform: they may import everything in host. */
const entryPoint =
  /^host\/(?:[^/]+\/main\.ts|slots\/opening\.ts|router\/(?:worker(?:-thread|-credentials)?|follower-thread|router-thread|running-router|flash-(?:main|opening|credentials)|state-opening|board-(?:opening|upgrade))\.ts|cli\/[^/]+\.ts)$/;

/** What only the platform and entry points may load: a protocol or a table has no sockets, processes or files. */
const systemModules =
  /^(?:koffi|node:(?:dgram|net|tls|http|https|child_process|fs|fs\/promises|worker_threads))$/;

/** Exceptions to that, each with its reason. */
const ownSystemModules: Readonly<Record<string, readonly string[]>> = {
  // The compiled firmware is a file beside the sources.
  'host/dataplane/instance.ts': ['node:fs'],
  // The version is package.json's.
  'host/model/software-version.ts': ['node:fs'],
  // The server's shell reads its own file, and makes the database private before SQLite opens it.
  'host/server/policies-in-force.ts': ['node:fs'],
  'host/server/store/sqlite-store.ts': ['node:fs'],
  // Packets and the control side are in a worker; this is what starts it.
  'host/router/worker-client.ts': ['node:worker_threads'],
};

function roomOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

/** AssemblyScript leaves the extension out where it re-exports. */
function fileOf(importer: string, path: string): string {
  return importer.startsWith('firmware/assembly/') && !path.endsWith('.ts') ? `${path}.ts` : path;
}

function violation(path: string, one: Import): string | undefined {
  const from = roomOf(path);
  if (one.path === undefined) {
    const own = ownSystemModules[path]?.includes(one.specifier) === true;
    const system = systemModules.test(one.specifier) && !one.typeOnly && !own;
    if (!path.startsWith('host/') || from === 'host/platform' || entryPoint.test(path) || !system) return;
    return `${path} loads ${one.specifier}, which only host/platform and entry points may`;
  }
  const to = roomOf(one.path);
  if (to === from) return;
  if (path.startsWith('host/') && entryPoint.test(path) && one.path.startsWith('host/')) return;
  const rooms = entryPoint.test(path) ? ['firmware/abi'] : (allowed[from] ?? []);
  if (rooms.includes(to) || rooms.includes(one.path)) return;
  return `${path} imports ${one.path}, which ${from} may not`;
}

describe('rooms', () => {
  const files = sourceFiles('host', 'firmware').filter((path) => path.endsWith('.ts'));

  it('import only in the direction of dependency', () => {
    expect(files.length).toBeGreaterThan(20);
    const found = files.flatMap((path) => importsOf(path).map((one) => violation(path, one)));
    expect(found.filter((one) => one !== undefined)).toEqual([]);
  });

  it('are all known: a new folder needs a line here', () => {
    const rooms = new Set(files.map(roomOf).filter((room) => !room.endsWith('.ts')));
    expect([...rooms].filter((room) => !(room in allowed) && room !== 'host/cli')).toEqual([]);
  });

  it('import files that exist, with their extension', () => {
    const broken = sourceFiles('host', 'firmware', 'tools', 'test').flatMap((path) =>
      path.endsWith('.py') || path === 'test/architecture/rooms.test.ts'
        ? []
        : importsOf(path)
            .filter((one) => one.path !== undefined && !existsSync(join(root, fileOf(path, one.path))))
            .map((one) => `${path}: ${one.specifier}`),
    );
    expect(broken).toEqual([]);
  });

  it('are never the tools or the tests, and tools never import the tests', () => {
    const found = [...files, ...sourceFiles('tools')].flatMap((path) =>
      importsOf(path)
        .filter(
          (one) => one.path?.startsWith('test/') || (files.includes(path) && one.path?.startsWith('tools/')),
        )
        .map((one) => `${path} imports ${one.specifier}`),
    );
    expect(found).toEqual([]);
  });
});

describe('commands that need no network', () => {
  const commands = ['host/cli/main.ts', 'host/cli/policy-command.ts'];

  it.each(commands)('%s loads no platform code before a command asks for it', (entry) => {
    const loaded = [...loadedBy(entry)];
    expect(loaded.filter((path) => path.startsWith('host/platform/'))).toEqual([]);
    const packages = loaded.flatMap((path) =>
      path.endsWith('.ts') ? importsOf(path).filter((one) => one.specifier === 'koffi' && !one.typeOnly) : [],
    );
    expect(packages).toEqual([]);
  });
});

describe('the import reader of these tests', () => {
  it('sees every form in use and none in comments', () => {
    const text = [
      "// import { no } from './no.ts';",
      "/* import './no.ts'; */",
      "import type { A } from './a.ts';",
      "import {\n  b,\n  c,\n} from '../b.ts';",
      "import './c.ts';",
      "export { d } from './d.ts';",
      "export type { D } from './d2.ts';",
      "const e = await import('./e.ts');",
      "new Worker(new URL('./f.ts', import.meta.url));",
      "import g, { type h } from 'node:fs';",
      "const text = 'a // b'; import('./i.ts');",
    ].join('\n');
    expect(importsIn('host/x/y.ts', text).map((one) => [one.path ?? one.specifier, one.typeOnly])).toEqual([
      ['host/x/a.ts', true],
      ['host/b.ts', false],
      ['host/x/c.ts', false],
      ['host/x/d.ts', false],
      ['host/x/d2.ts', true],
      ['node:fs', false],
      ['host/x/e.ts', false],
      ['host/x/i.ts', false],
      ['host/x/f.ts', false],
    ]);
  });

  it('finds a violation when there is one', () => {
    const [one] = importsIn('host/model/x.ts', "import { y } from '../ike/y.ts';");
    expect(violation('host/model/x.ts', one as Import)).toMatch('host/model/x.ts imports host/ike/y.ts');
    const [two] = importsIn('host/ike/x.ts', "import { y } from 'node:dgram';");
    expect(violation('host/ike/x.ts', two as Import)).toMatch('loads node:dgram');
  });
});
