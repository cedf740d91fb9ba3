/**
 * strongSwan in a guest with Debian's kernel, and our server: the channel with IKEv2 by the one and ESP by the other. Played as those of
 * strongSwan in a namespace (tools/interop/strongswan); besides, the kernel has to have the SAs that strongSwan says, before
 * anything is done and after it.
 */
import type { Combination } from '../strongswan/matrix/combination.ts';
import { as, type Row } from '../strongswan/matrix/row.ts';
import {
  strongswanDeletesChildSa,
  strongswanDeletesIkeSa,
  weRevokeRouter,
} from '../strongswan/steps/delete.ts';
import { initiatorRestarts, serverSeesNat } from '../strongswan/steps/disturbances.ts';
import { kernelAsks, kernelCounts, kernelHasTheSas } from '../strongswan/steps/kernel.ts';
import {
  strongswanRekeysChildSa,
  strongswanRekeysIkeSa,
  weRekeyChildSa,
  weRekeyIkeSa,
} from '../strongswan/steps/rekey.ts';

/** What every name begins with. */
const prefix = 'IKEv2';

function inGuest(row: Row): Combination {
  const steps = [kernelHasTheSas, ...(row.steps ?? []).flatMap((step) => [step, kernelHasTheSas])];
  return as('initiator', { ...row, subject: `${prefix} ${row.subject}`, steps, strongswanIn: 'guest' });
}

/** Many more than run over the channel unasked. */
const packets = 40;

/** Of ESP: a cipher of each kind, with the kernel's extended sequence numbers, which strongSwan's user space has not, and without. */
const algorithms = ['aes256gcm16', 'aes256gcm16-esn', 'chacha20poly1305-esn', 'aes256-sha256-esn'];

export const ikev2Combinations: readonly Combination[] = [
  ...algorithms.map((esp) => inGuest({ subject: 'algorithms of ESP', what: esp, esp })),
  inGuest({
    subject: 'authentication',
    what: 'certificates, ECDSA P-256',
    certificates: { key: 'p256' },
  }),
  inGuest({ subject: 'NAT', what: 'before the initiator', network: 'nat', steps: [serverSeesNat] }),
  inGuest({ subject: 'rekey', what: 'strongSwan, the CHILD SA', steps: [strongswanRekeysChildSa] }),
  inGuest({
    subject: 'rekey',
    what: 'strongSwan, the CHILD SA with its own key exchange, with ESN',
    esp: 'aes256gcm16-ecp256-esn',
    ourChannel: { espProposals: ['aes256gcm16-ecp256'] },
    steps: [strongswanRekeysChildSa],
  }),
  inGuest({ subject: 'rekey', what: 'strongSwan, the IKE SA', steps: [strongswanRekeysIkeSa] }),
  inGuest({
    subject: 'rekey',
    what: 'both ends, both in turn',
    steps: [strongswanRekeysChildSa, weRekeyChildSa, strongswanRekeysIkeSa, weRekeyIkeSa],
  }),
  inGuest({
    subject: 'rekey',
    what: `strongSwan, since the kernel has counted ${packets} packets`,
    connection: {
      children: { channel: { rekey_packets: packets, life_packets: 100 * packets, rand_packets: 0 } },
    },
    steps: [kernelCounts(packets)],
  }),
  inGuest({
    subject: 'first packet',
    what: 'for which the kernel wants an SA',
    connection: { children: { channel: { start_action: 'trap' } } },
    steps: [kernelAsks],
  }),
  inGuest({ subject: 'delete', what: 'strongSwan, the IKE SA', steps: [strongswanDeletesIkeSa] }),
  inGuest({ subject: 'delete', what: 'strongSwan, the CHILD SA', steps: [strongswanDeletesChildSa] }),
  inGuest({ subject: 'delete', what: 'we, the IKE SA of a router that is revoked', steps: [weRevokeRouter] }),
  inGuest({ subject: 'restart', what: 'initiator', steps: [initiatorRestarts] }),
];
