/** Whether the other end is still there (RFC 7296 section 2.4), and what becomes of one that is not. */
import { type Conversation, orUndefined } from '../conversation.ts';
import { Disagreement, type Step } from '../matrix/combination.ts';

/** A router that may move says with it between which addresses it asks (RFC 4555 section 3.8). */
const ourQuestion = /parsed INFORMATIONAL request \d+ \[( N\(NATD_._IP\))* \]/;

/** Fails unless the SAs are the ones that there were. */
async function whileSasStay(conversation: Conversation, wait: () => Promise<void>): Promise<void> {
  const before = await conversation.theSas();
  await wait();
  const after = await conversation.theSas();
  if (before.ike.uniqueid !== after.ike.uniqueid || before.child.uniqueid !== after.child.uniqueid) {
    throw new Disagreement('expected the same SAs as before, found others');
  }
}

/** strongSwan asks whether we are alive, and we answer. Needs a `dpd_delay`. */
export const answerLiveness: Step = (conversation) =>
  whileSasStay(conversation, () => conversation.untilLogged(/sending DPD request/, 3, 15_000));

/**
 * We ask, after ten seconds of silence as a router and sixty as a server. The server is silent only when it has said, after
 * half a minute, that the other router did not answer.
 */
export const askLiveness: Step = (conversation) =>
  whileSasStay(conversation, () => conversation.untilLogged(ourQuestion, 1, 120_000));

/**
 * strongSwan says nothing any more: a router notices after half a minute, a server after a minute and a half. Once strongSwan
 * is back there is a channel again: a router sets it up by itself, and as initiator strongSwan notices that its own is
 * gone. That needs a `dpd_delay`, and few retransmissions.
 */
export const strongswanFallsSilent: Step = async (conversation) => {
  const { charon, ours } = conversation;
  charon.process.signal('SIGSTOP');
  try {
    await conversation.waitFor(
      `our ${ours.what} notices that nobody answers`,
      async () => orUndefined(!(await ours.isUp())),
      150_000,
    );
  } finally {
    charon.process.signal('SIGCONT');
  }
  if (conversation.combination.role === 'initiator') await untilForgotten(conversation);
  await conversation.setUp();
};

/** We say nothing any more: strongSwan notices, and has a channel again once we are back. Needs what the step above needs. */
export const weFallSilent: Step = async (conversation) => {
  const { ours } = conversation;
  const before = await conversation.theSas();
  ours.process.signal('SIGSTOP');
  try {
    await conversation.untilLogged(/giving up after \d+ retransmits/, 1, 60_000);
    await untilForgotten(conversation);
  } finally {
    ours.process.signal('SIGCONT');
  }
  await conversation.setUp();
  await conversation.theSas('strongSwan has a new IKE SA', ({ ike }) => ike.uniqueid !== before.ike.uniqueid);
};

async function untilForgotten(conversation: Conversation): Promise<void> {
  await conversation.waitFor('strongSwan has given its IKE SA up', async () =>
    orUndefined((await conversation.charon.ikeSas()).length === 0),
  );
}
