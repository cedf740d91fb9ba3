/**
 * A version-up, from the repository's metadata to a slot that is on trial: judge what is offered, fill the idle slot, read it back,
 * and only then let the next start try it. What the metadata tells is refused before the slot is touched; what goes
 * wrong later leaves it marked incomplete, so the boot loader never chooses it.
 */
import type { StateStore } from '../flash/state.ts';
import { HostError } from '../model/host-error.ts';
import { fail, ok, type Result } from '../model/result.ts';
import type { Slots } from '../slots/slots.ts';
import {
  readVersionUpRecord,
  type VersionUpRecord,
  writeVersionUpRecord,
} from '../slots/version-up-record.ts';
import { type ChunkList, parseChunkList } from './chunk-list.ts';
import type { MetadataOf } from './metadata.ts';
import { Refusal, type UpgradeRefusalCode } from './refusal.ts';
import { type WritingProgress, writeSlot } from './slot-writing.ts';
import { type Release, releasesIn } from './target.ts';
import { fetchTarget, type ScratchFolder, trustedTargets } from './trusted-metadata.ts';
import type { UpdateSource } from './update-source.ts';
import { compareVersions, isVersion } from './version.ts';

/** The machine that is upgraded. */
export interface Machine {
  readonly board: string;
  /** Version that runs. */
  readonly version: string;
  /** This start of the machine, as the kernel names it: by that a router that is started again knows that nothing was tried yet. */
  readonly bootId: string;
  /** Version of the settings' form that it writes. */
  readonly settingsSchema: number;
  readonly slots: Slots;
  readonly state: StateStore;
  /** Root metadata that came with the software. */
  readonly builtInRoot: Uint8Array;
  readonly scratch: () => ScratchFolder;
  /** Latest time known for sure, in milliseconds since 1970. */
  readonly nowUtcMs: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

export interface Wish {
  readonly source: UpdateSource;
  /** One release; the newest for the board without. */
  readonly version?: string;
  /** Also one that is not newer than what runs. It is not older metadata that this allows: that is refused in any case. */
  readonly allowOlder?: boolean;
}

/** What there is for this machine. */
export interface Offer {
  readonly board: string;
  readonly running: string;
  readonly version: string;
  readonly octets: number;
}

export interface VersionUpDone extends Offer {
  readonly slot: 'a' | 'b';
  /** What had to be fetched; the rest was in the slot from an attempt before. */
  readonly fetchedOctets: number;
}

/** Looks what there is, and touches nothing but the metadata that is kept. */
export async function checkForRelease(
  machine: Machine,
  wish: Wish,
): Promise<Result<Offer, UpgradeRefusalCode>> {
  return await orRefused(async () => offerOf(machine, await chosen(machine, wish)));
}

/**
 * Brings a release into the idle slot and puts it on trial; the next start tries it. Another attempt after an interruption goes
 * on where this one was.
 *
 * @returns what was done, or why not: that is in the record too, except where there was nothing to do
 * @throws HostError FLASH when the board cannot keep what it has to keep
 */
export async function versionUp(
  machine: Machine,
  wish: Wish,
  progress: (state: WritingProgress) => void,
): Promise<Result<VersionUpDone, UpgradeRefusalCode>> {
  const { slots, state, bootId } = machine;
  let version = wish.version ?? '';
  const record = (stage: VersionUpRecord['stage'], reason = ''): void =>
    writeVersionUpRecord(state, { version, slot: slots.idle, stage, reason, at: machine.nowUtcMs(), bootId });
  let isWriting = false;
  const work = async (): Promise<VersionUpDone> => {
    refuseOnTrial(machine);
    const release = await chosen(machine, wish);
    version = release.version;
    const list = await chunkListOf(wish.source, release);
    // Whoever has it open keeps others out, so from here on the record is ours.
    const slot = slots.openIdle();
    let fetchedOctets: number;
    try {
      record('writing');
      isWriting = true;
      if (release.payload.length > slot.sectorCount * slot.sectorOctets)
        throw noSpace(release, slots.idleOctets);
      const { source } = wish;
      ({ fetchedOctets } = await writeSlot({ source, release, list, slot, progress, sleep: machine.sleep }));
    } finally {
      slot.close();
    }
    slots.markIdleComplete();
    // Before the trial begins: after a cut in between, nothing is on trial and the record is written anew.
    record('trial');
    slots.beginTrial();
    return { ...offerOf(machine, release), slot: slots.idle, fetchedOctets };
  };
  let outcome: Result<VersionUpDone, UpgradeRefusalCode>;
  try {
    outcome = await orRefused(work);
  } catch (error) {
    if (isWriting && error instanceof HostError) record('refused', `${error.code}: ${error.message}`);
    throw error;
  }
  if (!outcome.ok && !isNoNews(outcome.code)) record('refused', `${outcome.code}: ${outcome.message}`);
  return outcome;
}

/** Nothing came of it because nothing had to; what became of the version-up before is worth more. */
function isNoNews(code: UpgradeRefusalCode): boolean {
  return code === 'NOT_NEWER' || code === 'ON_TRIAL';
}

/** While the running version is on trial, the idle slot is the only way back. */
function refuseOnTrial({ slots, state, version }: Machine): void {
  const record = readVersionUpRecord(state);
  if (record?.stage === 'trial' && record.slot === slots.running && record.version === version) {
    throw new Refusal(
      'ON_TRIAL',
      `${version} in slot ${slots.running} is on trial itself, and the other slot the way back; wait until it is confirmed`,
    );
  }
}

async function chosen(machine: Machine, wish: Wish): Promise<Release> {
  const { source, version } = wish;
  if (version !== undefined && !isVersion(version)) {
    throw new Refusal('NO_RELEASE', `expected a version as in 1.4.0, found ${version}`);
  }
  const scratch = machine.scratch();
  let targets: MetadataOf<'targets'>;
  try {
    const { state, builtInRoot } = machine;
    targets = await trustedTargets({ source, state, builtInRoot, scratch, nowUtcMs: machine.nowUtcMs() });
  } finally {
    scratch.remove();
  }
  const all = releasesIn(targets.signed.targets);
  const release = pick(machine.board, all, version, source.name);
  if (wish.allowOlder !== true && compareVersions(release.version, machine.version) <= 0) {
    throw new Refusal(
      'NOT_NEWER',
      `${machine.version} runs, and ${release.version} is not newer; --allow-older goes back on purpose`,
    );
  }
  // Settings are kept in the form of the software that wrote them, and in the one before.
  if (release.settingsSchema < machine.settingsSchema - 1) {
    throw new Refusal(
      'SETTINGS_FORM',
      `${release.version} reads settings of form ${release.settingsSchema}, and these are of form ${machine.settingsSchema} and the one before`,
    );
  }
  if (release.payload.length > machine.slots.idleOctets) throw noSpace(release, machine.slots.idleOctets);
  return release;
}

/** The release that is wanted, or the newest. */
function pick(board: string, all: readonly Release[], version: string | undefined, from: string): Release {
  const ours = all.filter((one) => one.board === board && (version === undefined || one.version === version));
  const newest = ours.reduce<Release | undefined>(
    (best, one) => (best === undefined || compareVersions(one.version, best.version) > 0 ? one : best),
    undefined,
  );
  if (newest !== undefined) return newest;
  const others = new Set(
    all.filter((one) => version === undefined || one.version === version).map((one) => one.board),
  );
  if (others.size > 0 && !all.some((one) => one.board === board)) {
    throw new Refusal(
      'WRONG_BOARD',
      `${from} has releases for ${[...others].join(', ')}; this board is ${board}`,
    );
  }
  throw new Refusal(
    'NO_RELEASE',
    `${from} has no release${version === undefined ? '' : ` ${version}`} for ${board}`,
  );
}

async function chunkListOf(source: UpdateSource, release: Release): Promise<ChunkList> {
  const octets = await fetchTarget(source, release.chunks, longestChunkList);
  try {
    return parseChunkList(octets, release.payload.length);
  } catch (cause) {
    throw new Refusal('METADATA_MISMATCH', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** A GiB in chunks. */
const longestChunkList = 80 * 1024;

function offerOf({ board, version: running }: Machine, { version, payload }: Release): Offer {
  return { board, running, version, octets: payload.length };
}

function noSpace({ version, payload }: Release, idleOctets: number): Refusal {
  return new Refusal('NO_SPACE', `${version} has ${payload.length} octets, and the idle slot ${idleOctets}`);
}

async function orRefused<Value>(work: () => Promise<Value>): Promise<Result<Value, UpgradeRefusalCode>> {
  try {
    return ok(await work());
  } catch (error) {
    if (error instanceof Refusal) return fail(error.code, error.message);
    if (error instanceof HostError) throw error;
    // What a stranger's file can bring about and nobody thought of is still his fault, not a reason to end the router.
    return fail('METADATA_INVALID', error instanceof Error ? error.message : String(error));
  }
}
