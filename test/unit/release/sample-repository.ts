/**
 * A repository in memory, made by the code that publishes, and a source that serves it: as it is, cut short, or with anything in it
 * exchanged by an attacker. Keys are real.
 */
import { randomBytes } from 'node:crypto';
import type { BlockDevice } from '../../../host/flash/block-device.ts';
import type { StateStore } from '../../../host/flash/state.ts';
import { chunkListText, chunkOctets, sha256Hex } from '../../../host/release/chunk-list.ts';
import { type MetadataOf, metadataOctets, unsignedMetadata } from '../../../host/release/metadata.ts';
import {
  addSignature,
  expiresIn,
  type Publication,
  publication,
  type RepositoryState,
} from '../../../host/release/publication.ts';
import { Refusal } from '../../../host/release/refusal.ts';
import { defaultDays, type RoleName, roleNames } from '../../../host/release/role.ts';
import { type RootChange, rootDraft } from '../../../host/release/root-draft.ts';
import {
  makeSigningKey,
  openSigningKey,
  type PublicKey,
  type SigningKey,
} from '../../../host/release/signing-key.ts';
import { releaseTargets, servedPath } from '../../../host/release/target.ts';
import { targetsDraft } from '../../../host/release/targets-draft.ts';
import type { UpdateSource } from '../../../host/release/update-source.ts';
import type { Machine } from '../../../host/release/version-up.ts';
import type { SlotName } from '../../../host/slots/slot.ts';
import type { Slots } from '../../../host/slots/slots.ts';

export interface TestKey {
  readonly signing: SigningKey;
  readonly publicKey: PublicKey;
}

export function testKey(role: RoleName): TestKey {
  const { privateText, publicKey } = makeSigningKey(role, undefined);
  return { signing: openSigningKey(Buffer.from(privateText), undefined, 'test key'), publicKey };
}

const dayMs = 86_400_000;

export class SampleRepository {
  state: RepositoryState = { inForce: {}, drafts: {} };
  keys: Record<RoleName, TestKey[]>;
  readonly files = new Map<string, Uint8Array>();
  /** Time at which it is published. */
  nowUtcMs = Date.now();
  days = { ...defaultDays };

  constructor(thresholds: Partial<Record<RoleName, number>> = {}) {
    const made = (role: RoleName): TestKey[] =>
      Array.from({ length: thresholds[role] ?? 1 }, () => testKey(role));
    this.keys = {
      root: made('root'),
      targets: made('targets'),
      snapshot: made('snapshot'),
      timestamp: made('timestamp'),
    };
    this.changeRoot({
      addKeys: roleNames.flatMap((role) => this.keys[role].map((one) => one.publicKey)),
      thresholds,
    });
    this.publish();
  }

  get rootOctets(): Uint8Array {
    return this.files.get('metadata/1.root.json') as Uint8Array;
  }

  get signingKeys(): SigningKey[] {
    return roleNames.flatMap((role) => this.keys[role].map((one) => one.signing));
  }

  publish(keys: readonly SigningKey[] = this.signingKeys): Publication {
    const done = publication(this.state, keys, { nowUtcMs: this.nowUtcMs, days: this.days });
    this.state = { inForce: done.inForce, drafts: done.drafts };
    for (const [name, octets] of done.files) this.files.set(`metadata/${name}`, octets);
    return done;
  }

  /** Adds a release and publishes it. */
  release(board: string, version: string, payload: Uint8Array, settingsSchema = 1): void {
    this.addRelease(board, version, payload, settingsSchema);
    this.publish();
  }

  addRelease(
    board: string,
    version: string,
    payload: Uint8Array,
    settingsSchema = 1,
    chunksText?: string,
  ): void {
    const sha256: string[] = [];
    for (let at = 0; at < payload.length; at += chunkOctets)
      sha256.push(sha256Hex(payload.subarray(at, at + chunkOctets)));
    const text = Buffer.from(chunksText ?? chunkListText({ length: payload.length, sha256 }));
    const add = releaseTargets(
      { board, version, settingsSchema },
      { length: payload.length, sha256: sha256Hex(payload) },
      { length: text.length, sha256: sha256Hex(text) },
    );
    this.files.set(servedPath(add[0]!), payload);
    this.files.set(servedPath(add[1]!), text);
    const { inForce, drafts } = this.state;
    const expires = expiresIn(this.days.targets, this.nowUtcMs);
    const targets = targetsDraft(inForce.targets, drafts.targets, { add, withdraw: [], expires });
    this.state = { inForce, drafts: { ...drafts, targets } };
  }

  changeRoot(change: Partial<RootChange>): void {
    const { inForce, drafts } = this.state;
    const expires = expiresIn(this.days.root, this.nowUtcMs);
    const root = rootDraft(inForce.root?.signed, {
      addKeys: [],
      removeKeys: [],
      thresholds: {},
      expires,
      ...change,
    });
    this.state = { inForce, drafts: { ...drafts, root } };
  }

  /** A new key for a role, in place of its first one. */
  rotate(role: RoleName): void {
    const [old, ...others] = this.keys[role];
    const fresh = testKey(role);
    this.changeRoot({ addKeys: [fresh.publicKey], removeKeys: [old!.publicKey.keyId] });
    const before = role === 'root' ? [old!.signing] : [];
    this.keys[role] = [fresh, ...others];
    this.publish([...before, ...this.signingKeys]);
  }

  /**
   * Puts metadata in its place that somebody made who has the keys, or others: the fields are those in force with `fields` over them.
   */
  forge<Name extends RoleName>(
    role: Name,
    fields: Record<string, unknown>,
    keys: readonly SigningKey[] = this.keys[role].map((one) => one.signing),
  ): MetadataOf<Name> {
    const { _type, ...now } = this.state.inForce[role]!.signed.toJSON() as Record<string, unknown>;
    const forged = unsignedMetadata(role, { ...now, ...fields } as never);
    for (const key of keys) addSignature(forged, key);
    const { version } = forged.signed;
    this.files.set(
      role === 'timestamp' ? 'metadata/timestamp.json' : `metadata/${version}.${role}.json`,
      metadataOctets(forged),
    );
    this.state = { ...this.state, inForce: { ...this.state.inForce, [role]: forged } };
    return forged;
  }

  /** What a snapshot or timestamp says of another file. */
  describe(role: 'targets' | 'snapshot'): Record<string, unknown> {
    const document = this.state.inForce[role]!;
    const octets = metadataOctets(document);
    const meta = {
      version: document.signed.version,
      length: octets.length,
      hashes: { sha256: sha256Hex(octets) },
    };
    return { [`${role}.json`]: meta };
  }

  source(): MemorySource {
    return new MemorySource(this.files);
  }
}

/** Serves files from memory, and notes what was asked for. */
export class MemorySource implements UpdateSource {
  readonly name = 'memory';
  readonly asked: string[] = [];
  /** Octets of payload that were handed out. */
  served = 0;
  /** After so many octets of payload the line goes dead, once. */
  deadAfter = Number.POSITIVE_INFINITY;
  readonly #files: ReadonlyMap<string, Uint8Array>;

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.#files = files;
  }

  async file(path: string, longest: number): Promise<Uint8Array | undefined> {
    this.asked.push(path);
    const octets = this.#files.get(path);
    if (octets !== undefined && octets.length > longest) throw new Refusal('TOO_LONG', `${path} is too long`);
    return octets === undefined ? undefined : Uint8Array.from(octets);
  }

  async *octets(path: string, offset: number): AsyncGenerator<Uint8Array> {
    this.asked.push(`${path}@${offset}`);
    const octets = this.#files.get(path);
    if (octets === undefined) throw new Refusal('UNREACHABLE', `no ${path}`);
    for (let at = offset; at < octets.length; at += 100_000) {
      if (this.served >= this.deadAfter) {
        this.deadAfter = Number.POSITIVE_INFINITY;
        throw new Refusal('UNREACHABLE', 'the line went dead');
      }
      const piece = octets.subarray(at, Math.min(at + 100_000, octets.length));
      this.served += piece.length;
      yield Uint8Array.from(piece);
    }
  }

  close(): void {}
}

export class MemoryState implements StateStore {
  readonly documents = new Map<string, Uint8Array>();

  read(name: string): Uint8Array | undefined {
    const octets = this.documents.get(name);
    return octets && Uint8Array.from(octets);
  }

  write(name: string, content: Uint8Array): void {
    this.documents.set(name, Uint8Array.from(content));
  }

  record(): { readonly stage: string; readonly version: string; readonly reason: string } | undefined {
    const octets = this.documents.get('version-up');
    return octets && JSON.parse(Buffer.from(octets).toString());
  }
}

/** Slots over a device, with what the boot environment of a board knows. */
export class MemorySlots implements Slots {
  running: SlotName = 'a';
  readonly idleOctets: number;
  complete = false;
  trial = false;
  opened = 0;
  readonly device: BlockDevice;

  constructor(device: BlockDevice) {
    this.device = device;
    this.idleOctets = device.sectorOctets * device.sectorCount;
  }

  get idle(): SlotName {
    return this.running === 'a' ? 'b' : 'a';
  }

  openIdle(): BlockDevice & { close(): void } {
    this.opened++;
    this.complete = false;
    this.trial = false;
    const { device } = this;
    return {
      sectorOctets: device.sectorOctets,
      sectorCount: device.sectorCount,
      readSector: (index) => device.readSector(index),
      writeSector: (index, octets) => device.writeSector(index, octets),
      flush: () => device.flush(),
      close: () => undefined,
    };
  }

  markIdleComplete(): void {
    this.complete = true;
  }

  beginTrial(): void {
    if (!this.complete) throw new Error('the slot is incomplete');
    this.trial = true;
  }
}

/** A scratch folder that is none: tuf-js wants a real one, so this is in the machine's. */
export { scratchFolder } from '../../../host/platform/scratch-folder.ts';

export function samplePayload(octets: number): Uint8Array {
  return new Uint8Array(randomBytes(octets));
}

export function sampleMachine(
  repository: SampleRepository,
  slots: Slots,
  state: StateStore,
  scratch: Machine['scratch'],
  more: Partial<Machine> = {},
): Machine {
  return {
    board: 'board-1',
    version: '1.0.0',
    bootId: 'this start',
    settingsSchema: 1,
    slots,
    state,
    builtInRoot: repository.rootOctets,
    scratch,
    nowUtcMs: () => repository.nowUtcMs,
    sleep: async () => undefined,
    ...more,
  };
}

export { dayMs };
