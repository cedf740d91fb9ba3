/** Rows about rekeying: by either end alone, by order and by age, with key exchanges, refused, and by both ends at once. */
import { loseOneOf } from '../arena/gate.ts';
import { collide } from '../steps/collision.ts';
import { weCannotRekey } from '../steps/delete.ts';
import {
  agesOfBoth,
  strongswanRekeysChildSa,
  strongswanRekeysIkeSa,
  weRekeyByAge,
  weRekeyChildSa,
  weRekeyIkeSa,
} from '../steps/rekey.ts';
import type { Combination, Step } from './combination.ts';
import { as, both } from './row.ts';

const childKeyExchange = { esp: 'aes256gcm16-ecp256', ourChannel: { espProposals: ['aes256gcm16-ecp256'] } };

const byStrongswan: readonly Combination[] = [
  ...both({ subject: 'rekey', what: 'strongSwan, the CHILD SA', steps: [strongswanRekeysChildSa] }),
  ...both({ subject: 'rekey', what: 'strongSwan, the IKE SA', steps: [strongswanRekeysIkeSa] }),
  ...both({
    subject: 'rekey',
    what: 'strongSwan, both in turn, twice',
    steps: [strongswanRekeysChildSa, strongswanRekeysIkeSa, strongswanRekeysChildSa, strongswanRekeysIkeSa],
  }),
  ...both({
    subject: 'rekey',
    what: 'strongSwan, the CHILD SA with its own key exchange',
    ...childKeyExchange,
    steps: [strongswanRekeysChildSa],
  }),
  ...both({
    subject: 'rekey',
    what: 'strongSwan, the CHILD SA, INVALID_KE_PAYLOAD',
    ...childKeyExchange,
    connection: { children: { channel: { esp_proposals: 'aes256gcm16-x25519-ecp256' } } },
    steps: [strongswanRekeysChildSa],
    evidence: [/parsed CREATE_CHILD_SA response \d+ \[ N\(INVAL_KE\) \]/],
  }),
  // It guesses the key exchange that it names first, and not the one in use.
  as('initiator', {
    subject: 'rekey',
    what: 'strongSwan, the IKE SA, INVALID_KE_PAYLOAD',
    connection: { proposals: 'aes256gcm16-prfsha256-ecp384-x25519' },
    charon: { prefer_previous_dh_group: 'no' },
    steps: [strongswanRekeysIkeSa],
    evidence: [/parsed CREATE_CHILD_SA response \d+ \[ N\(INVAL_KE\) \]/],
  }),
];

const byUs: readonly Combination[] = [
  ...both({ subject: 'rekey', what: 'we, the CHILD SA', steps: [weRekeyChildSa] }),
  ...both({ subject: 'rekey', what: 'we, the IKE SA', steps: [weRekeyIkeSa] }),
  ...both({
    subject: 'rekey',
    what: 'we, both in turn, twice',
    steps: [weRekeyChildSa, weRekeyIkeSa, weRekeyChildSa, weRekeyIkeSa],
  }),
  ...both({
    subject: 'rekey',
    what: 'we and strongSwan in turn',
    steps: [weRekeyIkeSa, strongswanRekeysChildSa, weRekeyChildSa, strongswanRekeysIkeSa, weRekeyIkeSa],
  }),
  ...both({
    subject: 'rekey',
    what: 'we, the CHILD SA with its own key exchange',
    ...childKeyExchange,
    steps: [weRekeyChildSa, weRekeyChildSa],
  }),
  ...both({
    subject: 'rekey',
    what: 'we, the CHILD SA, INVALID_KE_PAYLOAD',
    esp: 'aes256gcm16-ecp256',
    ourChannel: { espProposals: ['aes256gcm16-x25519-ecp256'] },
    steps: [weRekeyChildSa],
    evidence: [/generating CREATE_CHILD_SA response \d+ \[ N\(INVAL_KE\) \]/],
  }),
  // At first ours chooses, and takes x25519; for the rekeying strongSwan does, and wants what it names first.
  as('initiator', {
    subject: 'rekey',
    what: 'we, the IKE SA, INVALID_KE_PAYLOAD',
    connection: { proposals: 'aes256gcm16-prfsha256-ecp384-x25519' },
    steps: [weRekeyIkeSa],
    evidence: [/generating CREATE_CHILD_SA response \d+ \[ N\(INVAL_KE\) \]/],
  }),
  ...both({
    subject: 'rekey',
    what: 'we, by age',
    ourChannel: { ikeSaLifetimeSeconds: 40, childSaLifetimeSeconds: 30 },
    steps: [weRekeyByAge('childSa'), weRekeyByAge('ikeSa')],
  }),
  ...both({
    subject: 'rekey',
    what: 'we, refused by strongSwan',
    ourChannel: { espProposals: ['aes256gcm16-ecp256'], childSaLifetimeSeconds: 30 },
    steps: [weCannotRekey],
    evidence: [/generating CREATE_CHILD_SA response \d+ \[ N\(NO_PROP\) \]/],
  }),
];

/** Both ends count alike, so that each is the first in some of the rounds; what is lost is repeated. */
const byAge: readonly Combination[] = both({
  subject: 'rekey',
  what: 'by age at both ends, one packet of ten lost',
  ourChannel: { ikeSaLifetimeSeconds: 40, childSaLifetimeSeconds: 30 },
  connection: {
    rekey_time: '34s',
    rand_time: '4s',
    over_time: '30s',
    children: { channel: { rekey_time: '25s', rand_time: '3s', life_time: '60s' } },
  },
  steps: [async ({ arena }) => loseOneOf(arena, 10), agesOfBoth],
});

/** strongSwan repeats a request each second, so that what was held back comes soon once it is let through. */
const eager = { charon: { retransmit_base: '1.0', retransmit_tries: 30 } } as const;

const crossings: Readonly<Record<string, readonly Step[]>> = {
  // Twice, because chance decides who wins.
  'the CHILD SA, each end sees it': [collide('child', 'child'), collide('child', 'child')],
  'the IKE SA, each end sees it': [collide('ike-sa', 'ike-sa'), collide('ike-sa', 'ike-sa')],
  'the CHILD SA, strongSwan is done before it hears of ours': [collide('child', 'child', 'strongswan')],
  'the IKE SA, strongSwan is done before it hears of ours': [collide('ike-sa', 'ike-sa', 'strongswan')],
  'the CHILD SA, we are done before we hear of its': [collide('child', 'child', 'ours')],
  'the IKE SA, we are done before we hear of its': [collide('ike-sa', 'ike-sa', 'ours')],
  'we the CHILD SA, strongSwan the IKE SA': [collide('child', 'ike-sa')],
  'we the IKE SA, strongSwan the CHILD SA': [collide('ike-sa', 'child')],
};

const collisions: readonly Combination[] = Object.entries(crossings).flatMap(([what, steps]) =>
  both({ subject: 'rekey at once', what, steps, ...eager }),
);

export const rekeys: readonly Combination[] = [...byStrongswan, ...byUs, ...byAge, ...collisions];
