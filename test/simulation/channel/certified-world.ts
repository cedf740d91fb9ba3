/** The channel in virtual time, with certificates at both ends: by the small authority, judged by the time of that world. */
import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { Authority, makeAuthorityCertificate, makeKey } from '../../../host/authority/authority.ts';
import { type Certificate, parseCertificate } from '../../../host/certificates/certificate.ts';
import { Trust } from '../../../host/certificates/trust.ts';
import { validityOf } from '../../../host/certificates/validity.ts';
import type { OwnCertificate } from '../../../host/model/certificate-trust.ts';
import { certificates } from '../../../host/model/credentials.ts';
import { World, type WorldOptions } from './world.ts';

export const hours = 3600;
const startUtcMs = Date.UTC(2026, 10, 27);

function parsed(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der);
  if (!certificate.ok) throw new Error(certificate.message);
  return certificate.value;
}

const authorityKey = makeKey('ed25519');
const key: KeyObject = makeKey('ed25519');

function issuing(fromSeconds: number, seconds: number) {
  return {
    serial: Uint8Array.of(1, ...randomBytes(8)),
    nowUtcMs: startUtcMs + fromSeconds * 1000,
    days: seconds / 86_400,
  };
}

const authorityDer = makeAuthorityCertificate(authorityKey, 'authority', issuing(0, 3000 * hours));
const authority = new Authority(authorityDer, authorityKey);

/** From `fromSeconds` after the start on, for `seconds`. */
export function issue(name: string, seconds: number, fromSeconds = 0): OwnCertificate {
  const der = authority.issue(name, createPublicKey(key), issuing(fromSeconds, seconds));
  return { chain: [der], privateKey: key, validity: validityOf([parsed(der)]) };
}

interface Lives {
  readonly router: number;
  readonly server: number;
}

/** Rekeys its IKE SA every half an hour or so. */
export function certifiedWorld(
  { router, server }: Lives,
  settings: WorldOptions['settings'] = {},
): World & { setServer(own: OwnCertificate): void } {
  const made: { world?: World } = {};
  const trust = new Trust({
    authorities: [parsed(authorityDer)],
    revocationLists: [],
    revocation: 'ifPresent',
    time: () => ({ atLeastUtcMs: made.world?.utcMs ?? startUtcMs }),
  });
  const world = new World({
    routerCredentials: certificates(issue('tokyo', router), trust),
    serverCredentials: certificates(issue('server', server), trust),
    lifetimeSeconds: 600,
    settings,
  });
  made.world = world;
  return Object.assign(world, {
    setServer(own: OwnCertificate) {
      world.serverCredentials = certificates(own, trust);
    },
  });
}
