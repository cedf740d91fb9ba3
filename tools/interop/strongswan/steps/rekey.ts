/**
 * Rekeying (RFC 7296 sections 1.3 and 2.8): after each of these, one IKE SA with one CHILD SA is left at strongSwan, new where
 * it should be, and the channel was never down at our end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RekeyWhat } from '../../../../host/model/rekey-order.ts';
import { connectionName } from '../arena/settings-text.ts';
import { type Conversation, orUndefined, type Sas } from '../conversation.ts';
import { namesOf } from '../matrix/algorithm-names.ts';
import { Disagreement, type Step } from '../matrix/combination.ts';

/** What strongSwan logs of a request of ours. */
const ourRequest: Readonly<Record<RekeyWhat, RegExp>> = {
  child: /parsed CREATE_CHILD_SA request \d+ \[ N\(REKEY_SA\)/,
  'ike-sa': /parsed CREATE_CHILD_SA request \d+ \[ SA No KE/,
};

/** Does `work`, and waits for SAs that are as `isNew` wants them; fails when our end lost the channel meanwhile. */
export async function untilRekeyed(
  conversation: Conversation,
  what: string,
  work: () => Promise<unknown>,
  isNew: (before: Sas, after: Sas) => boolean,
): Promise<void> {
  const before = await conversation.theSas();
  await withoutLoss(conversation, what, async () => {
    await work();
    const { child } = await conversation.theSas(`strongSwan has ${what}`, (after) => isNew(before, after));
    if (child.uniqueid !== before.child.uniqueid) checkKeyExchange(conversation, child);
  });
}

/** Fails when our end lost the channel during `work`. */
async function withoutLoss({ ours }: Conversation, what: string, work: () => Promise<void>): Promise<void> {
  const lost = await ours.losses();
  await work();
  if ((await ours.losses()) !== lost || !(await ours.isUp())) {
    throw new Disagreement(`our ${ours.what} has lost the channel during ${what}`);
  }
}

/** A rekeyed CHILD SA has the key exchange of its own that the combination names, or none. */
function checkKeyExchange({ combination }: Conversation, child: Sas['child']): void {
  const { 'dh-group': wanted = '' } = namesOf(combination.esp);
  const found = child['dh-group'];
  if (found === wanted) return;
  throw new Disagreement(
    `the rekeyed CHILD SA has the key exchange ${found || 'none'}, not ${wanted || 'none'}`,
  );
}

export function hasNewChild(before: Sas, after: Sas): boolean {
  return before.child.uniqueid !== after.child.uniqueid && before.ike.uniqueid === after.ike.uniqueid;
}

export function hasNewIke(before: Sas, after: Sas): boolean {
  return (
    before.ike['responder-spi'] !== after.ike['responder-spi'] &&
    before.child.uniqueid === after.child.uniqueid
  );
}

/** Orders strongSwan to rekey; it begins when it is ready to. */
export async function orderStrongswan(conversation: Conversation, what: RekeyWhat): Promise<void> {
  const which = what === 'child' ? '--child' : '--ike';
  const outcome = await conversation.charon.swanctl('--rekey', which, connectionName);
  if (!outcome.ok) throw new Disagreement(`strongSwan cannot rekey:\n${outcome.text}`);
}

export const strongswanRekeysChildSa: Step = (conversation) =>
  untilRekeyed(conversation, 'a rekeyed CHILD SA', () => orderStrongswan(conversation, 'child'), hasNewChild);

export const strongswanRekeysIkeSa: Step = (conversation) =>
  untilRekeyed(conversation, 'a rekeyed IKE SA', () => orderStrongswan(conversation, 'ike-sa'), hasNewIke);

/** Orders our end to rekey, and sees strongSwan get the request. */
async function orderOurs(conversation: Conversation, what: RekeyWhat): Promise<void> {
  await Promise.all([conversation.untilLogged(ourRequest[what], 1, 20_000), conversation.ours.rekey(what)]);
}

export const weRekeyChildSa: Step = (conversation) =>
  untilRekeyed(
    conversation,
    'the CHILD SA that we rekey',
    () => orderOurs(conversation, 'child'),
    hasNewChild,
  );

export const weRekeyIkeSa: Step = (conversation) =>
  untilRekeyed(conversation, 'the IKE SA that we rekey', () => orderOurs(conversation, 'ike-sa'), hasNewIke);

/** How often our end says that an SA was rekeyed since the channel was set up. */
export async function countOf({ ours }: Conversation, which: 'childSa' | 'ikeSa'): Promise<number> {
  const rekeyings = await ours.rekeyings();
  if (rekeyings === null) throw new Disagreement(`our ${ours.what} says that it has no channel`);
  return rekeyings[which].count;
}

/** Our end rekeys because an SA comes to its lifetime, which is to be some 30 s, and says so itself. */
export function weRekeyByAge(which: 'childSa' | 'ikeSa'): Step {
  return (conversation) =>
    withoutLoss(conversation, `rekeying the ${which} by age`, async () => {
      const before = await countOf(conversation, which);
      const what = which === 'childSa' ? 'child' : 'ike-sa';
      await conversation.untilLogged(ourRequest[what], 1, 60_000);
      await conversation.waitFor(
        `our ${conversation.ours.what} counts a rekeying of its ${which}`,
        async () => orUndefined((await countOf(conversation, which)) > before),
      );
    });
}

/** So long that each SA comes to its age several times. */
const agesMs = 100_000;

/** Both ends rekey at their own times, with lifetimes that are about the same. */
export const agesOfBoth: Step = (conversation) =>
  withoutLoss(conversation, 'rekeyings by age', async () => {
    await sleep(agesMs);
    const counts = [await countOf(conversation, 'childSa'), await countOf(conversation, 'ikeSa')];
    if (counts.some((count) => count < 2)) {
      throw new Disagreement(`expected both SAs rekeyed twice or more, found ${counts.join(' and ')} times`);
    }
  });
