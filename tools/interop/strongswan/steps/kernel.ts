/**
 * What a kernel with ESP of its own does beside strongSwan: it has the SAs that strongSwan says, asks for one when a packet wants it,
 * and counts what each of them carries. For strongSwan in a guest.
 */
import { innerAddress } from '../../../../host/channel/inner-address.ts';
import { formatAddress } from '../../../../host/model/address.ts';
import { GuestCharon } from '../arena/guest-charon.ts';
import { routerName, serverName } from '../arena/our-end.ts';
import { connectionName } from '../arena/settings-text.ts';
import { type Conversation, orUndefined } from '../conversation.ts';
import { Disagreement, type Step } from '../matrix/combination.ts';
import { hasNewChild, untilRekeyed } from './rekey.ts';

/** An SA, as the kernel has it. */
export interface KernelSa {
  readonly spi: string;
  readonly mode: string;
  readonly isInUdp: boolean;
  readonly hasEsn: boolean;
}

/** Reads `ip xfrm state list`. */
export function parseKernelSas(text: string): KernelSa[] {
  return text
    .split(/^(?=src )/m)
    .filter((one) => one.startsWith('src '))
    .map((one) => ({
      spi: /proto esp spi 0x([0-9a-f]+)/.exec(one)?.[1] ?? '',
      mode: /mode (\S+)/.exec(one)?.[1] ?? '',
      isInUdp: /encap type espinudp /.test(one),
      hasEsn: /flag .*\besn\b/.test(one),
    }));
}

/** The guest's kernel has the two SAs that strongSwan lists, in UDP, with ESN where it was negotiated, and no others. */
export const kernelHasTheSas: Step = async (conversation) => {
  const { shell } = guestOf(conversation);
  let found: KernelSa[] = [];
  const wanted = async (): Promise<KernelSa[]> => {
    const { child } = await conversation.theSas();
    const sa = { mode: 'tunnel', isInUdp: true, hasEsn: child.esn === '1' };
    return [child['spi-in'], child['spi-out']].map((spi) => ({ spi, ...sa }));
  };
  const sorted = (sas: readonly KernelSa[]) =>
    JSON.stringify(sas.toSorted((a, b) => (a.spi < b.spi ? -1 : 1)));
  try {
    await conversation.waitFor(
      "the guest's kernel has the SAs that strongSwan lists",
      async () => {
        found = parseKernelSas(await shell.run('/sbin/ip xfrm state list nokeys'));
        return orUndefined(sorted(found) === sorted(await wanted()));
      },
      20_000,
    );
  } catch (error) {
    if (!(error instanceof Disagreement)) throw error;
    throw new Disagreement(`${error.message}; it has ${sorted(found)}`);
  }
};

/** There is no SA, a packet comes that wants one, and the kernel has strongSwan make it. Needs `start_action = trap`. */
export const kernelAsks: Step = async (conversation) => {
  const before = await conversation.theSas();
  const outcome = await conversation.charon.swanctl('--terminate', '--ike', connectionName);
  if (!outcome.ok) throw new Disagreement(`strongSwan cannot delete the IKE SA:\n${outcome.text}`);
  await conversation.untilDownHere();
  await Promise.all([
    conversation.untilLogged(/creating acquire job for policy/, 1, 20_000),
    ping(conversation, 1),
  ]);
  await conversation.theSas('strongSwan has a new IKE SA', ({ ike }) => ike.uniqueid !== before.ike.uniqueid);
};

/** The kernel says that an SA has carried enough packets, and strongSwan rekeys it. Needs `rekey_packets`. */
export function kernelCounts(packets: number): Step {
  return (conversation) =>
    untilRekeyed(
      conversation,
      `a CHILD SA rekeyed after ${packets} packets`,
      () =>
        Promise.all([
          conversation.untilLogged(/creating rekey job for CHILD_SA/, 1, 60_000),
          ping(conversation, packets),
        ]),
      hasNewChild,
    );
}

/** Sends echo requests to the server's inner address, one after the other; whether it answers does not matter. */
async function ping(conversation: Conversation, count: number): Promise<void> {
  const [own, other] = [routerName, serverName].map((name) => formatAddress(innerAddress(name)));
  const options = ['-I', own ?? '', '-c', String(count), '-i', '0.1', '-W', '1'];
  await conversation.run(conversation.arena.strongswan, 'ping', ['ping', ...options, other ?? ''], true);
}

/** strongSwan in its guest. Throws Disagreement where it is in none (a mistake in a combination). */
export function guestOf({ charon }: Conversation): GuestCharon {
  if (!(charon instanceof GuestCharon)) throw new Disagreement('this step needs strongSwan in a guest');
  return charon;
}
