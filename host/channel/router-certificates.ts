/**
 * What a router does as certificates end. Rekeying goes on with who was authenticated once: so before people are warned of the
 * server's certificate, a new channel shows whether it has another one by now; and when its time is over, the channel is too.
 */
import type { CertificateValidity } from '../model/certificate-trust.ts';
import type { Instant } from '../model/instant.ts';
import { randomFraction } from '../model/random-fraction.ts';
import type { CertificateStatus } from '../model/status.ts';
import { CertificateWatch } from './certificate-watch.ts';
import type { RouterChannelOptions } from './router-channel-events.ts';

/** A channel that is so young has been authenticated by what the server has to show now; ours. */
const freshMs = 3_600_000;

/** Within this part of the time of warnings the routers of one server look whether it has another certificate; ours. */
const lookShare = 0.1;

export type RouterCertificateNews =
  | { readonly kind: 'warn'; readonly message: string }
  /** Set up a new channel beside the one that there is. */
  | { readonly kind: 'look-again' }
  /** The server has proven nothing any more. */
  | { readonly kind: 'ended'; readonly message: string };

export class RouterCertificates {
  readonly #options: RouterChannelOptions;
  readonly #watch: CertificateWatch<'router' | 'server'>;
  /** When the server was authenticated last. */
  #authenticatedAt: Instant | undefined;

  constructor(options: RouterChannelOptions) {
    const { name, serverIdentity, utcAtLeast } = options;
    this.#options = options;
    this.#watch = new CertificateWatch(utcAtLeast, (owner) => (owner === 'router' ? name : serverIdentity));
  }

  /** When `due` is to be called; undefined where there are no certificates. */
  get deadline(): Instant | undefined {
    return this.#watch.deadline;
  }

  /** This router's and the server's. */
  status(now: Instant): CertificateStatus[] {
    return this.#watch.standings(now);
  }

  /** Watches the router's own from now on. */
  start(now: Instant): void {
    const { own } = this.#options.credentials;
    if (own.kind === 'certificate') this.#watch.watch('router', own.certificate.validity, now);
  }

  /** The server was authenticated, by a certificate that holds so long; undefined for a pre-shared key. */
  authenticated(validity: CertificateValidity | undefined, now: Instant): void {
    this.#authenticatedAt = now;
    const share = lookShare * randomFraction(this.#options.random);
    this.#watch.watch('server', validity, now, share);
  }

  /** There is no channel any more. */
  forgetServer(now: Instant): void {
    this.#authenticatedAt = undefined;
    this.#watch.watch('server', undefined, now);
  }

  /** What there is to do at `now`. */
  due(now: Instant): RouterCertificateNews[] {
    return this.#watch.due(now).map(({ subject, kind, message }) => {
      if (subject === 'router') return { kind: 'warn', message };
      if (kind === 'ended') return { kind, message };
      const isFresh = now - (this.#authenticatedAt ?? -Infinity) < freshMs;
      return isFresh ? { kind: 'warn', message } : { kind: 'look-again' };
    });
  }
}
