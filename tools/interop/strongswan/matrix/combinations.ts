/** Every combination of the matrix, in the order of its rows. docs/interop.md says how they are chosen. */
import type { KeyKind } from '../arena/authority.ts';
import type { Fault } from '../arena/credentials.ts';
import { strongswanDeletesChildSa, strongswanDeletesIkeSa, weRevokeRouter } from '../steps/delete.ts';
import {
  initiatorMoves,
  initiatorRestarts,
  openHalf,
  responderRestarts,
  routerSeesNat,
  serverSeesNat,
} from '../steps/disturbances.ts';
import { answerLiveness, askLiveness, strongswanFallsSilent, weFallSilent } from '../steps/liveness.ts';
import { algorithmRows } from './algorithm-rows.ts';
import type { Combination } from './combination.ts';
import { rekeys } from './rekey-combinations.ts';
import { as, both } from './row.ts';

const keyKinds: Readonly<Record<KeyKind, string>> = {
  p256: 'ECDSA P-256',
  p384: 'ECDSA P-384',
  ed25519: 'Ed25519',
  rsa2048: 'RSA 2048',
  rsa3072: 'RSA 3072',
  rsa4096: 'RSA 4096',
};

const certificates: readonly Combination[] = [
  ...Object.entries(keyKinds).flatMap(([key, name]) =>
    both({ subject: 'authentication', what: `certificates, ${name}`, certificates: { key: key as KeyKind } }),
  ),
  ...both({
    subject: 'authentication',
    what: 'certificates below an intermediate authority',
    certificates: { key: 'p256', hasIntermediate: true },
  }),
  ...both({
    subject: 'authentication',
    what: 'certificates, RSA with PSS',
    certificates: { key: 'rsa2048' },
    connection: { local: { auth: 'rsa/pss-sha384' } },
  }),
  ...both({
    subject: 'authentication',
    what: 'certificates, without RFC 7427',
    certificates: { key: 'p384' },
    charon: { signature_authentication: 'no' },
  }),
  ...(['router', 'server'] as const).flatMap((withKey) =>
    both({
      subject: 'authentication',
      what: `the ${withKey} by pre-shared key, the other by certificate`,
      certificates: { key: 'p256', withKey },
    }),
  ),
];

/** A fault of a certificate, and how the end that finds it says so. */
const faults: Readonly<Record<Fault, { readonly byOurs: RegExp; readonly byStrongswan: RegExp }>> = {
  'another name': { byOurs: /certificate-name/, byStrongswan: /constraint check failed|no trusted/ },
  expired: { byOurs: /certificate-expired/, byStrongswan: /subject certificate invalid/ },
  revoked: { byOurs: /certificate-revoked/, byStrongswan: /certificate was revoked/ },
  'another authority': {
    byOurs: /certificate-untrusted/,
    byStrongswan: /no issuer certificate found|no trusted/,
  },
};

/** A certificate that is wrong at one end: the other one refuses it, and both say so. */
const certificateRefusals: readonly Combination[] = Object.entries(faults).flatMap(([what, words]) => [
  ...both({
    subject: 'refusal',
    what: `strongSwan's certificate: ${what}`,
    certificates: { key: 'p256', fault: { of: 'strongswan', what: what as Fault } },
    refusal: { strongswan: /AUTH_FAILED/, ours: words.byOurs },
  }),
  ...both({
    subject: 'refusal',
    what: `our certificate: ${what}`,
    certificates: { key: 'p256', fault: { of: 'ours', what: what as Fault } },
    refusal: { strongswan: words.byStrongswan, ours: /authentication-failed/ },
  }),
]);

/** Ours has no legacy algorithm unless its settings say so, and then offers what they name. */
function ourChannelFor(ike: string, esp: string): object {
  return { ikeProposals: [ike], espProposals: [esp], allowLegacy: true };
}

const algorithms: readonly Combination[] = algorithmRows().flatMap(({ cipher, prf, keyExchange, esp }) => {
  const ike = `${cipher}-${prf}-${keyExchange}`;
  const isLegacy = keyExchange === 'modp1536';
  return both({
    ...{ subject: 'algorithms', what: `${ike}, ESP ${esp}`, ike, esp },
    ...(isLegacy ? { ourChannel: ourChannelFor(ike, esp) } : {}),
  });
});

/** What the settings have to name, since it is not among the defaults. */
const namedAlgorithms: readonly Combination[] = [
  'aes192gcm16',
  'aes192-sha256',
  'aes256-sha384',
  'aes128-sha512',
].flatMap((esp) =>
  both({
    subject: 'algorithms',
    what: `ESP ${esp}, named in our settings`,
    esp,
    ourChannel: { espProposals: [esp] },
  }),
);

/** The initiator's first key exchange is one that the responder does not take (RFC 7296 section 1.2). */
const wrongGuess: readonly Combination[] = [
  as('initiator', {
    subject: 'wrong first guess',
    what: 'INVALID_KE_PAYLOAD',
    connection: { proposals: 'aes256gcm16-prfsha256-ecp384-x25519' },
    evidence: [/parsed IKE_SA_INIT response 0 \[ N\(INVAL_KE\) \]/],
  }),
  as('responder', {
    subject: 'wrong first guess',
    what: 'INVALID_KE_PAYLOAD',
    ike: 'aes256gcm16-prfsha256-ecp384',
    evidence: [/generating IKE_SA_INIT response 0 \[ N\(INVAL_KE\) \]/],
  }),
];

/** strongSwan notices within seconds that we are gone, or that we are not. */
const withDpd = { connection: { dpd_delay: '1s' } } as const;

/** And gives us up within ten more. */
const impatient = { ...withDpd, charon: { retransmit_tries: 2 } } as const;

const liveness: readonly Combination[] = [
  ...both({ subject: 'liveness', what: 'strongSwan asks', steps: [answerLiveness], ...withDpd }),
  ...both({ subject: 'liveness', what: 'we ask', steps: [askLiveness] }),
  ...both({
    subject: 'liveness',
    what: 'strongSwan falls silent',
    steps: [strongswanFallsSilent],
    ...impatient,
  }),
  ...both({ subject: 'liveness', what: 'we fall silent', steps: [weFallSilent], ...impatient }),
];

const ends: readonly Combination[] = [
  ...both({ subject: 'delete', what: 'strongSwan, the IKE SA', steps: [strongswanDeletesIkeSa] }),
  ...both({ subject: 'delete', what: 'strongSwan, the CHILD SA', steps: [strongswanDeletesChildSa] }),
  as('initiator', {
    subject: 'delete',
    what: 'we, the IKE SA of a router that is revoked',
    steps: [weRevokeRouter],
  }),
  ...both({ subject: 'restart', what: 'initiator', steps: [initiatorRestarts] }),
  as('responder', { subject: 'restart', what: 'responder', steps: [responderRestarts] }),
];

/** More half-open IKE SAs than the responder lets in without cookies: 256 at ours, what we set at strongSwan. */
const cookies: readonly Combination[] = [
  as('initiator', {
    subject: 'cookie',
    what: 'demanded by the responder',
    steps: [openHalf(300), initiatorRestarts],
    evidence: [/parsed IKE_SA_INIT response 0 \[ N\(COOKIE\) \]/],
  }),
  as('responder', {
    subject: 'cookie',
    what: 'demanded by the responder',
    steps: [openHalf(8), initiatorRestarts],
    charon: { cookie_threshold: 2, block_threshold: 0 },
    evidence: [/parsed IKE_SA_INIT request 0 \[ N\(COOKIE\)/],
  }),
];

const nat: readonly Combination[] = [
  as('initiator', { subject: 'NAT', what: 'before the initiator', network: 'nat', steps: [serverSeesNat] }),
  as('responder', { subject: 'NAT', what: 'before the initiator', network: 'nat', steps: [routerSeesNat] }),
];

/** A post-quantum pre-shared key (RFC 8784): demanded, used where both have it, done without where one has none. */
const ppks: readonly Combination[] = [
  ...both({ subject: 'PPK', what: 'required by both', ppk: { strongswan: 'required', ours: 'required' } }),
  ...both({ subject: 'PPK', what: 'optional at both', ppk: { strongswan: 'optional', ours: 'optional' } }),
  ...both({
    subject: 'PPK',
    what: 'optional, strongSwan has none',
    ppk: { strongswan: 'none', ours: 'optional' },
  }),
  ...both({ subject: 'PPK', what: 'optional, we have none', ppk: { strongswan: 'optional', ours: 'none' } }),
  ...both({
    subject: 'PPK',
    what: 'beside certificates',
    certificates: { key: 'p256' },
    ppk: { strongswan: 'required', ours: 'required' },
  }),
  ...both({
    subject: 'refusal',
    what: 'another PPK',
    ppk: { strongswan: 'required', ours: 'required', isWrong: true },
    refusal: { strongswan: /AUTH_FAILED/, ours: /authentication-failed/ },
  }),
  ...both({
    subject: 'refusal',
    what: 'we require a PPK, strongSwan has none',
    ppk: { strongswan: 'none', ours: 'required' },
    refusal: {
      strongswan: /AUTH_FAILED|IKE_SA deleted|state change: CONNECTING => DESTROYING/,
      ours: /ppk|authentication-failed/,
    },
  }),
  as('initiator', {
    subject: 'refusal',
    what: 'strongSwan requires a PPK, we have none',
    ppk: { strongswan: 'required', ours: 'none' },
    // It gives up after IKE_SA_INIT and tells us nothing.
    refusal: { strongswan: /PPK required/, ours: /^/ },
  }),
  as('responder', {
    subject: 'refusal',
    what: 'strongSwan requires a PPK, we have none',
    ppk: { strongswan: 'required', ours: 'none' },
    refusal: { strongswan: /PPK required/, ours: /authentication-failed/ },
  }),
];

/** A chain of RSA-4096 takes several datagrams; RFC 7383 splits the message, without it IP does. */
const largeChain = { key: 'rsa4096', hasIntermediate: true } as const;

const fragmentation: readonly Combination[] = [
  ...both({
    subject: 'fragmentation',
    what: 'of IKE_AUTH with a chain of RSA 4096',
    certificates: largeChain,
    evidence: [/splitting IKE message/, /received fragment #/],
  }),
  ...both({
    subject: 'fragmentation',
    what: 'refused by strongSwan: IP fragments',
    certificates: largeChain,
    connection: { fragmentation: 'no' },
  }),
];

const moves: readonly Combination[] = [
  as('initiator', {
    subject: 'address change',
    what: 'of the initiator',
    connection: { local_addrs: '%any' },
    steps: [initiatorMoves],
    evidence: [/generating INFORMATIONAL request \d+ \[ N\(UPD_SA_ADDR\)/],
  }),
  as('responder', {
    subject: 'address change',
    what: 'of the initiator',
    steps: [initiatorMoves],
    evidence: [/parsed INFORMATIONAL request \d+ \[ N\(UPD_SA_ADDR\)/],
  }),
];

const wrongName = { remote: { id: 'another' } } as const;

const refusals: readonly Combination[] = [
  ...both({
    subject: 'refusal',
    what: 'another pre-shared key',
    hasWrongKey: true,
    refusal: { strongswan: /AUTHENTICATION_FAILED|AUTH_FAILED/, ours: /authentication-failed/ },
  }),
  ...both({
    subject: 'refusal',
    what: 'no common proposal for IKE',
    ike: 'aes256gcm16-prfsha256-modp8192',
    refusal: { strongswan: /NO_PROPOSAL_CHOSEN|NO_PROP/, ours: /no-proposal-chosen/ },
  }),
  as('initiator', {
    subject: 'refusal',
    what: 'no common proposal for ESP',
    esp: 'aes256gmac',
    refusal: { strongswan: /NO_PROPOSAL_CHOSEN|NO_PROP/, ours: /no-proposal-chosen/, keepsIkeSa: true },
  }),
  as('responder', {
    subject: 'refusal',
    what: 'no common proposal for ESP',
    esp: 'aes256gmac',
    refusal: { strongswan: /NO_PROPOSAL_CHOSEN|NO_PROP/, ours: /no-proposal-chosen/ },
  }),
  ...both({
    subject: 'refusal',
    what: 'strongSwan expects another name',
    connection: wrongName,
    refusal: {
      strongswan: /AUTHENTICATION_FAILED|AUTH_FAILED|no matching peer config/,
      ours: /authentication-failed/,
    },
  }),
  ...both({
    subject: 'refusal',
    what: 'strongSwan has another name',
    connection: { local: { id: 'another' } },
    refusal: {
      strongswan: /AUTHENTICATION_FAILED|AUTH_FAILED|no matching peer config/,
      ours: /authentication-failed/,
    },
  }),
];

export const combinations: readonly Combination[] = [
  ...both({ subject: 'authentication', what: 'pre-shared key' }),
  ...certificates,
  ...algorithms,
  ...namedAlgorithms,
  ...wrongGuess,
  ...cookies,
  ...fragmentation,
  ...nat,
  ...ppks,
  ...moves,
  ...rekeys,
  ...liveness,
  ...ends,
  ...refusals,
  ...certificateRefusals,
];
