/**
 * What the server holds of all routers' credentials: pre-shared keys, its own certificate, whom it trusts. One object a
 * load of the file; a reload makes a new one, says which routers the old one would have let in and the new one does
 * not, and wipes the old one's keys.
 */
import type {
  CertificateName,
  CertificateTrust,
  CertificateValidity,
  ServerCertificates,
} from '../model/certificate-trust.ts';
import {
  type Credentials,
  type OwnCredential,
  type PeerCredential,
  type Ppk,
  sharedKey,
} from '../model/credentials.ts';
import type { Secret } from '../model/secret.ts';
import type { UtcMs } from '../model/trusted-time.ts';
import type { ServerRouter } from './distribution-policies/policy-file.ts';

/** A chain that let a router in. */
interface Accepted {
  readonly chain: readonly Uint8Array[];
  readonly name: CertificateName;
}

export class ServerCredentials {
  /** Judges chains, and remembers those with which routers were let in. undefined while no router has a certificate. */
  readonly certificateTrust: CertificateTrust | undefined;
  readonly #routers: ReadonlyMap<string, ServerRouter>;
  readonly #keys: ReadonlyMap<string, Secret>;
  readonly #ppks: ReadonlyMap<string, Ppk>;
  readonly #certificates: ServerCertificates | undefined;
  /** By router, so that it is bounded by the file. */
  readonly #accepted = new Map<string, Accepted>();

  /** Takes the keys over. Routers that are revoked are passed over. */
  constructor(
    routers: readonly ServerRouter[],
    keys: ReadonlyMap<string, Secret>,
    certificates: ServerCertificates | undefined,
    ppks: ReadonlyMap<string, Ppk> = new Map(),
  ) {
    this.#routers = new Map(
      routers.filter((router) => router.revokedUtcMs === undefined).map((router) => [router.name, router]),
    );
    this.#keys = keys;
    this.#ppks = ppks;
    this.#certificates = certificates;
    const trust = certificates?.trust;
    this.certificateTrust = trust && {
      authorityKeyHashes: trust.authorityKeyHashes,
      judge: (chain, name) => trust.judge(chain, name, this.#sinceOf(name)),
      accepted: (chain, name) => this.#note(chain, name),
    };
  }

  /** How a router and the server prove themselves to each other; undefined for one that is not enrolled. */
  credentialsFor(name: string): Credentials | undefined {
    const router = this.#routers.get(name);
    if (router === undefined) return undefined;
    const key = this.#keys.get(name);
    const shared = key && sharedKey(key);
    const trust = this.certificateTrust;
    const own: OwnCredential | undefined =
      router.serverProves === 'preSharedKey'
        ? shared?.own
        : this.#certificates && { kind: 'certificate', certificate: this.#certificates.own };
    const peer: PeerCredential | undefined =
      router.routerProves === 'preSharedKey' ? shared?.peer : trust && { kind: 'certificate', trust };
    return own && peer && { own, peer, ppk: this.#ppks.get(name) };
  }

  /** Of the certificate that the server shows; undefined without one. */
  get ownValidity(): CertificateValidity | undefined {
    return this.#certificates?.own.validity;
  }

  /** Some router has a post-quantum pre-shared key. */
  get hasPpks(): boolean {
    return this.#ppks.size > 0;
  }

  /**
   * The routers that `before` may have let in, and that would not get in now with what they showed. What the others showed is
   * taken over, for the next time.
   */
  expelledSince(before: ServerCredentials): string[] {
    const expelled = new Set([...before.#routers.keys()].filter((name) => !this.#admits(name, before)));
    for (const [name, accepted] of before.#accepted) {
      if (!expelled.has(name)) this.#accepted.set(name, accepted);
    }
    return [...expelled];
  }

  /** True when both say the same of all routers. */
  equals(other: ServerCredentials): boolean {
    return (
      this.#certificates?.digest === other.#certificates?.digest &&
      this.#keys.size === other.#keys.size &&
      [...this.#keys].every(([name, key]) => other.#keys.get(name)?.equals(key) === true) &&
      this.#ppks.size === other.#ppks.size &&
      [...this.#ppks.keys()].every((name) => this.#hasSamePpk(name, other))
    );
  }

  /** Wipes the pre-shared keys. */
  wipe(): void {
    for (const { key } of this.#ppks.values()) key.wipe();
    for (const key of this.#keys.values()) key.wipe();
  }

  #admits(name: string, before: ServerCredentials): boolean {
    const [now, then] = [this.#routers.get(name), before.#routers.get(name)];
    if (now === undefined || now.routerProves !== then?.routerProves) return false;
    // A key that is demanded now must be in the keys that there are.
    if (this.#ppks.get(name)?.isRequired === true && !this.#hasSamePpk(name, before)) return false;
    if (now.routerProves === 'preSharedKey') {
      const [key, old] = [this.#keys.get(name), before.#keys.get(name)];
      // A key that was exchanged must not go on working.
      return key !== undefined && old !== undefined && key.equals(old);
    }
    const accepted = before.#accepted.get(name);
    if (accepted === undefined) return true;
    return this.certificateTrust?.judge(accepted.chain, accepted.name).ok === true;
  }

  #hasSamePpk(name: string, other: ServerCredentials): boolean {
    const [here, there] = [this.#ppks.get(name), other.#ppks.get(name)];
    if (here === undefined || there === undefined) return here === there;
    return here.id === there.id && here.isRequired === there.isRequired && here.key.equals(there.key);
  }

  /** Of the router that `name` is. */
  #sinceOf(name: CertificateName): UtcMs | undefined {
    return this.#routers.get(routerOf(name) ?? '')?.certificatesSinceUtcMs;
  }

  #note(chain: readonly Uint8Array[], name: CertificateName): void {
    const router = routerOf(name);
    if (router === undefined || !this.#routers.has(router)) return;
    // The octets are borrowed from a message.
    const copy = { kind: name.kind, octets: name.octets.slice() };
    this.#accepted.set(router, { chain: chain.map((der) => der.slice()), name: copy });
  }
}

/** Octets of an address or of a distinguished name may read like a router's name, and are none. */
function routerOf({ kind, octets }: CertificateName): string | undefined {
  return kind === 'dns' ? new TextDecoder().decode(octets) : undefined;
}
