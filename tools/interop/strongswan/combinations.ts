/** Every combination of the matrix, in the order of its rows. docs/interop.md says how they are chosen. */
import { algorithmRows } from './algorithm-rows.ts';
import { type Combination, type Role, roles } from './combination.ts';
import {
  answerLiveness,
  askLiveness,
  initiatorRestarts,
  openHalf,
  responderRestarts,
  routerSeesNat,
  serverSeesNat,
  strongswanDeletesChildSa,
  strongswanDeletesIkeSa,
  strongswanFallsSilent,
} from './steps.ts';

/** What every combination has that is about something else. */
const plain = { ike: 'aes256gcm16-prfsha256-x25519', esp: 'aes256gcm16', steps: [] } as const;

type Row = Omit<Combination, 'role' | keyof typeof plain> & Partial<Pick<Combination, keyof typeof plain>>;

function as(role: Role, row: Row): Combination {
  return { ...plain, ...row, role };
}

/** The row with strongSwan in both roles. */
function both(row: Row): Combination[] {
  return roles.map((role) => as(role, row));
}

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

const liveness: readonly Combination[] = [
  ...both({ subject: 'liveness', what: 'strongSwan asks', steps: [answerLiveness], ...withDpd }),
  ...both({ subject: 'liveness', what: 'we ask', steps: [askLiveness] }),
  as('responder', { subject: 'liveness', what: 'strongSwan falls silent', steps: [strongswanFallsSilent] }),
];

const ends: readonly Combination[] = [
  ...both({ subject: 'delete', what: 'strongSwan, the IKE SA', steps: [strongswanDeletesIkeSa] }),
  ...both({ subject: 'delete', what: 'strongSwan, the CHILD SA', steps: [strongswanDeletesChildSa] }),
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
  ...algorithms,
  ...namedAlgorithms,
  ...wrongGuess,
  ...cookies,
  ...nat,
  ...liveness,
  ...ends,
  ...refusals,
];
