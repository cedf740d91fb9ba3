/**
 * The router's side of The Update Framework: what a repository says, verified against the root that the router trusts and
 * against what it has seen before. The client workflow (specification section 5) is `tuf-js`'s; ours is where it reads and writes.
 *
 * Root, timestamp and snapshot are kept in the StateStore, which is what protects from older metadata over restarts; targets is not,
 * since the snapshot has its version and hash. tuf-js works on a folder, so it gets one in memory for the time of the check.
 *
 * A board has no clock to be trusted: expiry is judged again by the latest time that is known for sure.
 */
import { type TargetFile, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import type { StateStore } from '../flash/state.ts';
import { longestMetadata, type MetadataOf, parseMetadata } from './metadata.ts';
import { Refusal, type UpgradeRefusalCode } from './refusal.ts';
import type { RoleName } from './role.ts';
import { servedPath } from './target.ts';
import type { UpdateSource } from './update-source.ts';

/** A folder that is there for the time of a check, in memory where that is possible. */
export interface ScratchFolder {
  readonly path: string;
  read(name: string): Uint8Array | undefined;
  write(name: string, octets: Uint8Array): void;
  remove(): void;
}

export interface TrustedMetadataOptions {
  readonly source: UpdateSource;
  readonly state: StateStore;
  /** Root metadata that came with the software. */
  readonly builtInRoot: Uint8Array;
  readonly scratch: ScratchFolder;
  /** Latest time known for sure. */
  readonly nowUtcMs: number;
}

/** What is kept over restarts, by name in the StateStore. */
const kept = { root: 'release-root', timestamp: 'release-timestamp', snapshot: 'release-snapshot' } as const;

type KeptRole = keyof typeof kept;
const keptRoles = Object.keys(kept) as KeptRole[];

/** A router follows so many changes of root in one go; more than one a week for a year would be no repository of ours. */
const mostRootChanges = 64;

/**
 * Fetches and verifies the repository's metadata, and keeps what is newer than what was known.
 *
 * @returns the targets in force
 * @throws Refusal with METADATA_*, UNREACHABLE or TOO_LONG; HostError FLASH when what was verified cannot be kept
 */
export async function trustedTargets(options: TrustedMetadataOptions): Promise<MetadataOf<'targets'>> {
  const { source, state, scratch, builtInRoot, nowUtcMs } = options;
  scratch.write('root.json', newestRoot(builtInRoot, state.read(kept.root)));
  for (const role of ['timestamp', 'snapshot'] as const) {
    const octets = state.read(kept[role]);
    if (octets !== undefined) scratch.write(`${role}.json`, octets);
  }
  const fetcher = new SourceFetcher(source);
  try {
    const updater = new Updater({
      metadataDir: scratch.path,
      metadataBaseUrl: base,
      fetcher,
      config: {
        maxRootRotations: mostRootChanges,
        // Ours has no delegations: one role is all that is walked through.
        maxDelegations: 1,
        rootMaxLength: longestMetadata.root,
        timestampMaxLength: longestMetadata.timestamp,
        snapshotMaxLength: longestMetadata.snapshot,
        targetsMaxLength: longestMetadata.targets,
      },
    });
    await updater.refresh();
  } catch (error) {
    throw fetcher.refusal ?? refusalOf(error, source.name);
  } finally {
    // Also when the check failed half way: a newer root or timestamp was verified and counts from now on.
    keep(state, scratch);
  }
  refuseExpired(scratch, nowUtcMs, source.name);
  return readBack('targets', scratch);
}

/**
 * A small target, verified.
 *
 * @throws Refusal METADATA_MISMATCH for other content than was signed, TOO_LONG, UNREACHABLE
 */
export async function fetchTarget(
  source: UpdateSource,
  target: TargetFile,
  longest: number,
): Promise<Uint8Array> {
  if (target.length > longest) {
    throw new Refusal('TOO_LONG', `${target.path} has ${target.length} octets; expected at most ${longest}`);
  }
  const octets = await source.file(servedPath(target), target.length);
  if (octets === undefined) throw new Refusal('UNREACHABLE', `${source.name} has no ${servedPath(target)}`);
  try {
    await target.verify(only(octets) as never);
  } catch (cause) {
    throw new Refusal('METADATA_MISMATCH', `${target.path} is not what was signed: ${textOf(cause)}`, {
      cause,
    });
  }
  return octets;
}

async function* only(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}

/** tuf-js asks for addresses; the source has paths. */
const base = 'https://repository.invalid/metadata';

class SourceFetcher {
  /** The source's own word on why it went wrong, before tuf-js wraps it. */
  refusal: Refusal | undefined;
  readonly #source: UpdateSource;

  constructor(source: UpdateSource) {
    this.#source = source;
  }

  async downloadBytes(url: string, longest: number): Promise<Buffer> {
    const path = new URL(url).pathname.slice(1);
    let octets: Uint8Array | undefined;
    try {
      octets = await this.#source.file(path, longest);
    } catch (error) {
      if (error instanceof Refusal) this.refusal = error;
      throw error;
    }
    if (octets !== undefined) return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    // A root that is not there is the end of the chain; anything else that is not there is a fault.
    if (!path.endsWith('.root.json'))
      this.refusal = new Refusal('UNREACHABLE', `${this.#source.name} has no ${path}`);
    throw new DownloadHTTPError('there is no such file', 404);
  }

  /** Payloads do not go this way. */
  downloadFile(): Promise<never> {
    return Promise.reject(new Error('payloads are streamed into the slot'));
  }
}

/** The root that was verified last, unless the software brought a newer one. */
function newestRoot(builtIn: Uint8Array, keptRoot: Uint8Array | undefined): Uint8Array {
  const ofSoftware = versionOf(builtIn);
  if (ofSoftware === undefined) {
    throw new Refusal(
      'METADATA_INVALID',
      'the root that came with this software is no root metadata; see docs/version-up.md',
    );
  }
  const ofStore = keptRoot === undefined ? undefined : versionOf(keptRoot);
  return keptRoot !== undefined && ofStore !== undefined && ofStore > ofSoftware ? keptRoot : builtIn;
}

function versionOf(octets: Uint8Array): number | undefined {
  try {
    return parseMetadata('root', octets).signed.version;
  } catch {
    return undefined;
  }
}

function keep(state: StateStore, scratch: ScratchFolder): void {
  for (const role of keptRoles) {
    const octets = scratch.read(`${role}.json`);
    const before = state.read(kept[role]);
    if (octets === undefined || (before !== undefined && Buffer.compare(octets, before) === 0)) continue;
    state.write(kept[role], octets);
  }
}

function refuseExpired(scratch: ScratchFolder, nowUtcMs: number, from: string): void {
  for (const role of ['root', 'timestamp', 'snapshot', 'targets'] as const) {
    const { expires } = readBack(role, scratch).signed;
    if (Date.parse(expires) > nowUtcMs) continue;
    throw new Refusal('METADATA_EXPIRED', `${role}.json of ${from} expired ${expires}`);
  }
}

function readBack<Name extends RoleName>(role: Name, scratch: ScratchFolder): MetadataOf<Name> {
  const octets = scratch.read(`${role}.json`);
  if (octets === undefined) throw new Error(`${role}.json was verified`);
  return parseMetadata(role, octets);
}

/**
 * tuf-js says by its texts what went wrong: what it throws it wraps, and its classes get lost. A text that is not known is still a
 * refusal, with a less telling code; test/unit/release compares one of each kind.
 */
const meanings: readonly (readonly [RegExp, UpgradeRefusalCode])[] = [
  [/is expired|json is expired/, 'METADATA_EXPIRED'],
  [/was signed by \d+\/\d+ keys/, 'METADATA_SIGNATURE'],
  [/less than current version|Missing file .* in new snapshot/, 'METADATA_ROLLBACK'],
  [
    /Expected (?:hash|length) |does not match snapshot version|doesn't match timestamp|Expected version /,
    'METADATA_MISMATCH',
  ],
];

function refusalOf(error: unknown, from: string): Refusal {
  if (error instanceof Refusal) return error;
  const text = textOf(error);
  const code = meanings.find(([pattern]) => pattern.test(text))?.[1] ?? 'METADATA_INVALID';
  return new Refusal(code, `${from}: ${text}`, { cause: error });
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
