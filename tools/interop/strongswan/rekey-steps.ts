/**
 * Rekeying (RFC 7296 sections 1.3 and 2.8): after each of these, one IKE SA with one CHILD SA is left at strongSwan, new where
 * it should be, and the channel was never down at our end.
 */
import { Disagreement, type Step } from './combination.ts';
import type { Conversation, Sas } from './conversation.ts';
import { connectionName } from './settings-text.ts';

/** Does `work`, and waits for SAs that are as `isNew` wants them; fails when our end lost the channel meanwhile. */
async function untilRekeyed(
  conversation: Conversation,
  what: string,
  work: () => Promise<void>,
  isNew: (before: Sas, after: Sas) => boolean,
): Promise<void> {
  const { ours } = conversation;
  const before = await conversation.theSas();
  const lost = await ours.losses();
  await work();
  await conversation.theSas(`strongSwan has ${what}`, (after) => isNew(before, after));
  if ((await ours.losses()) !== lost || !(await ours.isUp())) {
    throw new Disagreement(`our ${ours.what} has lost the channel during ${what}`);
  }
}

async function rekey(conversation: Conversation, which: 'child' | 'ike'): Promise<void> {
  const outcome = await conversation.charon.swanctl('--rekey', `--${which}`, connectionName);
  if (!outcome.ok) throw new Disagreement(`strongSwan cannot rekey:\n${outcome.text}`);
}

const hasNewChild = (before: Sas, after: Sas) =>
  before.child.uniqueid !== after.child.uniqueid && before.ike.uniqueid === after.ike.uniqueid;

const hasNewIke = (before: Sas, after: Sas) =>
  before.ike['responder-spi'] !== after.ike['responder-spi'] &&
  before.child.uniqueid === after.child.uniqueid;

export const strongswanRekeysChildSa: Step = (conversation) =>
  untilRekeyed(conversation, 'a rekeyed CHILD SA', () => rekey(conversation, 'child'), hasNewChild);

export const strongswanRekeysIkeSa: Step = (conversation) =>
  untilRekeyed(conversation, 'a rekeyed IKE SA', () => rekey(conversation, 'ike'), hasNewIke);
