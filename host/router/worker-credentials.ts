/**
 * A router's credentials as its worker holds them: read from the settings file and the files that it names, in the thread
 * that uses them, so that no key crosses between threads. With certificates also the time that they are judged by, of
 * which the latest that was seen outlives the process.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Readers } from '../certificates/load.ts';
import type { StateStore } from '../flash/state.ts';
import type { CredentialSources, PpkSource, Source } from '../model/credential-sources.ts';
import {
  type Credentials,
  type OwnCredential,
  type PeerCredential,
  type Ppk,
  sharedKey,
} from '../model/credentials.ts';
import { HostError } from '../model/host-error.ts';
import type { Instant } from '../model/instant.ts';
import { preSharedKeyIn } from '../model/pre-shared-key.ts';
import type { Secret } from '../model/secret.ts';
import { buildUtcMs } from '../model/software-version.ts';
import { TrustedTime, type UtcMs } from '../model/trusted-time.ts';
import { bootTimeMs } from '../platform/clock.ts';
import { readCredential, readTrusted } from '../platform/files.ts';
import { readLastSeen, writeLastSeen } from './last-seen-time.ts';
import type { RouterSettings } from './settings-file.ts';
import { openState } from './state-opening.ts';
import type { WorkerSettings } from './worker-protocol.ts';

export interface WorkerCredentials {
  readonly credentials: Credentials;
  /** Takes the time that the server said. */
  readonly learnTime: (utcMs: UtcMs) => void;
  /** What time it is at least. */
  readonly utcAtLeast: (now: Instant) => UtcMs;
  /** Wipes what is ours. */
  readonly wipe: () => void;
}

type CredentialPlace = Pick<WorkerSettings, 'settings' | 'settingsFile' | 'holdsSecret' | 'flash'>;

/** Reads what the settings say under `credential`. Throws HostError CREDENTIAL_*. */
export async function loadWorkerCredentials(
  place: CredentialPlace,
  warn: (message: string) => void,
): Promise<WorkerCredentials> {
  if (place.flash === undefined) {
    return await loadFrom(place, { secret: readCredential, trusted: readTrusted }, warn);
  }
  const { readersOfFlash } = await import('./flash-credentials.ts');
  const { readers, wipe } = readersOfFlash(place.flash);
  try {
    return await loadFrom(place, readers, warn);
  } finally {
    wipe();
  }
}

async function loadFrom(
  { settings, settingsFile, holdsSecret, flash }: CredentialPlace,
  readers: Readers,
  warn: (message: string) => void,
): Promise<WorkerCredentials> {
  const { credential, stateDirectory } = holdsSecret ? await readAgain(settingsFile) : settings;
  const folder = dirname(settingsFile);
  const key = credential.preSharedKey && keyOf(credential.preSharedKey, folder, readers);
  const shared = key && sharedKey(key);
  const ppk = credential.ppk && ppkOf(credential.ppk, folder, readers);
  const wipe = (): void => {
    key?.wipe();
    ppk?.key.wipe();
  };
  if (shared !== undefined && credential.certificate === undefined && credential.authorities === undefined) {
    // A board has no clock to be trusted, and judges by this time when the signatures of a release have expired.
    const kept = flash && new KeptTime(openState(flash.device, resolve(folder, stateDirectory)), warn);
    const learnTime = (utcMs: UtcMs): void => kept?.learn(utcMs);
    const utcAtLeast = (now: Instant): UtcMs => kept?.atLeast(now) ?? Date.now();
    return { credentials: { ...shared, ppk }, learnTime, utcAtLeast, wipe };
  }
  const time = new KeptTime(openState(flash?.device, resolve(folder, stateDirectory)), warn);
  const { own, peer } = await certificateSides(credential, folder, time, readers);
  return {
    credentials: { own: own ?? present(shared?.own), peer: peer ?? present(shared?.peer), ppk },
    learnTime: (utcMs) => time.learn(utcMs),
    utcAtLeast: (now) => time.atLeast(now),
    wipe,
  };
}

/** The settings with the keys in them. The parser is loaded for this alone: it costs time that a first packet may wait. */
async function readAgain(file: string): Promise<RouterSettings> {
  const { parseRouterFile } = await import('./settings-file.ts');
  return parseRouterFile(readFileSync(file, 'utf8'), file);
}

/** What certificates there are for; the other direction is the pre-shared key's. */
async function certificateSides(
  credential: CredentialSources,
  folder: string,
  time: KeptTime,
  readers: Readers,
): Promise<{ readonly own: OwnCredential | undefined; readonly peer: PeerCredential | undefined }> {
  const { loadOwnCertificate, loadTrust } = await import('../certificates/load.ts');
  const { certificate, privateKey, authorities, revocationLists, revocation } = credential;
  const own: OwnCredential | undefined =
    certificate === undefined || privateKey === undefined
      ? undefined
      : { kind: 'certificate', certificate: loadOwnCertificate(certificate, privateKey, folder, readers) };
  if (authorities === undefined) return { own, peer: undefined };
  const trust = loadTrust(
    { authorities, revocationLists, revocation },
    folder,
    readers,
    () => ({ atLeastUtcMs: time.atLeast(bootTimeMs()) }),
    () => time.sawExpiry(),
  );
  return { own, peer: { kind: 'certificate', trust } };
}

/** The schema has seen to it that each direction has something. */
function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new HostError('CONFIG_INVALID', 'credential: one direction has no proof');
  return value;
}

function keyOf(source: Source, folder: string, readers: Readers): Secret {
  if (source.kind === 'inline') return preSharedKeyIn(new TextEncoder().encode(source.text), source.field);
  const path = resolve(folder, source.path);
  return preSharedKeyIn(readers.secret(path), path);
}

function ppkOf({ id, file, required }: PpkSource, folder: string, readers: Readers): Ppk {
  const path = resolve(folder, file);
  return { id, key: preSharedKeyIn(readers.secret(path), path), isRequired: required };
}

/** Trusted time, of which the latest that was seen is kept. */
class KeptTime {
  readonly #state: StateStore;
  readonly #warn: (message: string) => void;
  readonly #time: TrustedTime;
  #hasWarned = false;

  constructor(state: StateStore, warn: (message: string) => void) {
    this.#state = state;
    this.#warn = warn;
    this.#time = new TrustedTime({
      buildUtcMs: buildUtcMs(),
      lastSeenUtcMs: this.#read(),
      startedAt: bootTimeMs(),
    });
  }

  atLeast(now: Instant): UtcMs {
    return this.#time.atLeastBy(now, Date.now());
  }

  learn(utcMs: UtcMs): void {
    this.#time.learn(utcMs, bootTimeMs());
    this.#keep(this.#time.due(bootTimeMs()));
  }

  sawExpiry(): void {
    this.#keep(this.#time.dueAtExpiry(bootTimeMs()));
  }

  #read(): UtcMs | undefined {
    try {
      return readLastSeen(this.#state, this.#warn);
    } catch (error) {
      this.#warn(`cannot read the latest time seen: ${String(error)}`);
      return undefined;
    }
  }

  #keep(utcMs: UtcMs | undefined): void {
    if (utcMs === undefined) return;
    try {
      writeLastSeen(this.#state, utcMs);
      this.#time.isPersisted(utcMs);
    } catch (error) {
      if (!this.#hasWarned) this.#warn(`cannot keep the latest time seen: ${String(error)}`);
      this.#hasWarned = true;
    }
  }
}
