/** Deletes of the IKE SA or its CHILD SA by either end (RFC 7296 section 1.4.1), and the channel that there is after them. */
import { OurServer } from '../arena/our-end.ts';
import { connectionName } from '../arena/settings-text.ts';
import { type Conversation, orUndefined } from '../conversation.ts';
import { Disagreement, type Step } from '../matrix/combination.ts';

/** strongSwan deletes the IKE SA. A server has lost its router then; a router sets a new channel up by itself. */
export const strongswanDeletesIkeSa: Step = async (conversation) => {
  const before = await conversation.theSas();
  const outcome = await conversation.charon.swanctl('--terminate', '--ike', connectionName);
  if (!outcome.ok) throw new Disagreement(`strongSwan cannot delete the IKE SA:\n${outcome.text}`);
  await setUpAnew(conversation, before.ike.uniqueid);
};

/** The same with the CHILD SA: a channel without one is none, so we delete the IKE SA. */
export const strongswanDeletesChildSa: Step = async (conversation) => {
  const before = await conversation.theSas();
  const terminate = async () => {
    const outcome = await conversation.charon.swanctl('--terminate', '--child', connectionName);
    if (!outcome.ok) throw new Disagreement(`strongSwan cannot delete the CHILD SA:\n${outcome.text}`);
  };
  await Promise.all([untilWeDelete(conversation), terminate()]);
  await setUpAnew(conversation, before.ike.uniqueid);
};

async function setUpAnew(conversation: Conversation, oldId: string): Promise<void> {
  if (conversation.ours instanceof OurServer) await conversation.untilDownHere();
  await conversation.setUp();
  await conversation.theSas('strongSwan has a new IKE SA', ({ ike }) => ike.uniqueid !== oldId);
}

async function untilWeDelete(conversation: Conversation, withinMs = 20_000): Promise<void> {
  await conversation.untilLogged(/received DELETE for IKE_SA/, 1, withinMs);
}

/** Our server revokes the router: it deletes the IKE SA, and refuses another until the router is let in again. */
export const weRevokeRouter: Step = async (conversation) => {
  const { ours, charon } = conversation;
  if (!(ours instanceof OurServer)) throw new Disagreement('this step needs our server');
  const before = await conversation.theSas();
  await Promise.all([untilWeDelete(conversation), ours.revoke(true)]);
  await conversation.waitFor('strongSwan has no IKE SA', async () =>
    orUndefined((await charon.ikeSas()).length === 0),
  );
  if ((await charon.initiate()).ok) throw new Disagreement('expected a refusal of a router that is revoked');
  await ours.revoke(false);
  await setUpAnew(conversation, before.ike.uniqueid);
};

/**
 * strongSwan refuses our rekeying: our router sets a new channel up beside the old one, which is never missed; our server
 * deletes the IKE SA when its CHILD SA comes to its lifetime of 30 s, and strongSwan has to set up another.
 */
export const weCannotRekey: Step = async (conversation) => {
  const { ours } = conversation;
  const before = await conversation.theSas();
  if (ours instanceof OurServer) {
    await untilWeDelete(conversation, 60_000);
    await setUpAnew(conversation, before.ike.uniqueid);
    return;
  }
  const lost = await ours.losses();
  await ours.rekey('child');
  await conversation.theSas('strongSwan has a new IKE SA', ({ ike }) => ike.uniqueid !== before.ike.uniqueid);
  if ((await ours.losses()) !== lost) throw new Disagreement('our router has lost the channel meanwhile');
};
