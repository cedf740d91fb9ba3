/**
 * Debian's packages for either architecture, by apt with lists of its own: this machine's lists, packages and foreign
 * architectures stay as they are. apt verifies Debian's signature over the lists; the pins (package-pins.ts) do the rest.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostError } from '../../host/model/host-error.ts';
import { runCommand } from '../lab/namespaces.ts';

/** The release that the image is made of. */
export const release = 'bookworm';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

export type DebianArchitecture = 'amd64' | 'arm64';

export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly octets: number;
  readonly depends: string;
}

export class DebianMirror {
  readonly #folder: string;
  readonly #mirror: string | undefined;
  readonly #say: (line: string) => void;
  #isFresh = false;
  #isPrepared = false;

  /** @param folder where apt's lists are kept between runs */
  constructor(folder: string, mirror: string | undefined, say: (line: string) => void) {
    this.#folder = folder;
    this.#mirror = mirror;
    this.#say = say;
  }

  /** What the newest version of a package is. Throws HostError PLATFORM when there is none. */
  newest(name: string, architecture: DebianArchitecture): PackageRecord {
    this.#refresh();
    const { stdout } = this.#run('apt-cache', ['show', '--no-all-versions', `${name}:${architecture}`]);
    const field = (key: string): string => new RegExp(`^${key}: (.*)$`, 'm').exec(stdout)?.[1] ?? '';
    const record = {
      name,
      version: field('Version'),
      sha256: field('SHA256'),
      octets: Number(field('Size')),
      depends: field('Depends'),
    };
    if (record.version === '' || record.sha256 === '')
      throw new HostError('PLATFORM', `Debian ${release} has no package ${name} for ${architecture}`);
    return record;
  }

  /** Downloads packages into `folder`, under apt's names of files. What the mirror does not have (any more) is not there afterwards. */
  download(
    packages: readonly Pick<PackageRecord, 'name' | 'version'>[],
    architecture: DebianArchitecture,
    folder: string,
  ): void {
    this.#prepare();
    const wanted = packages.map(({ name, version }) => `${name}:${architecture}=${version}`);
    if (this.#run('apt-get', ['download', ...wanted], folder).status === 0) return;
    // Lists of long ago name files that are gone: once with new ones; then one by one, because one that is missing stops all.
    this.#refresh();
    if (this.#run('apt-get', ['download', ...wanted], folder).status === 0) return;
    for (const one of wanted) this.#run('apt-get', ['download', one], folder);
  }

  #refresh(): void {
    this.#prepare();
    if (this.#isFresh) return;
    this.#say(`reading Debian's lists of packages for ${release} (apt-get update, 18 MB)`);
    const { status, stderr } = this.#run('apt-get', ['update']);
    if (status !== 0) throw new HostError('PLATFORM', `apt-get update failed: ${stderr.trim()}`);
    this.#isFresh = true;
  }

  #prepare(): void {
    if (this.#isPrepared) return;
    this.#isPrepared = true;
    for (const part of ['lists/partial', 'cache/archives/partial', 'empty'])
      mkdirSync(join(this.#folder, part), { recursive: true });
    writeFileSync(join(this.#folder, 'status'), '');
    writeFileSync(
      join(this.#folder, 'sources.list'),
      `deb [arch=amd64,arm64 signed-by=${keyring}] ${this.#mirror ?? mirrorOfThisMachine()} ${release} main\n`,
    );
    writeFileSync(join(this.#folder, 'apt.conf'), aptConfiguration(this.#folder));
  }

  #run(command: string, args: readonly string[], cwd = this.#folder) {
    return spawnSync(command, ['-c', join(this.#folder, 'apt.conf'), ...args], {
      cwd,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, LC_ALL: 'C' },
    });
  }
}

/** The base address from which this machine gets Debian. */
function mirrorOfThisMachine(): string {
  if (!existsSync(keyring))
    throw new HostError('PLATFORM', `${keyring} is missing: apt-get install debian-archive-keyring`);
  const ask = () =>
    runCommand(['apt-get', 'indextargets', '--format', '$(ORIGIN)|$(RELEASE)|$(REPO_URI)'])
      .split('\n')
      .map((line) => line.split('|'))
      .find(([origin, suite]) => origin === 'Debian' && !suite?.includes('-'))?.[2];
  const found = ask() ?? (spawnSync('apt-get', ['update']).status === 0 ? ask() : undefined);
  if (found === undefined)
    throw new HostError('PLATFORM', 'apt has no Debian mirror on this machine; give one by --mirror URL');
  return found;
}

/** Everything of apt in one folder; nothing of /etc/apt but what says how to reach a mirror. */
function aptConfiguration(folder: string): string {
  const settings: Readonly<Record<string, string>> = {
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    // Without them each question reads all lists; some machines have apt set up so.
    'Dir::Cache::pkgcache': 'pkgcache.bin',
    'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': join(folder, 'empty'),
    'Dir::Etc::preferences': join(folder, 'no-preferences'),
    'Dir::Etc::preferencesparts': join(folder, 'empty'),
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  return `${lines.join('\n')}\n#clear APT::Architectures;\nAPT::Architectures { "amd64"; "arm64"; };\n#clear APT::Update::Post-Invoke-Success;\n#clear Acquire::IndexTargets::deb::DEP-11;\n`;
}
