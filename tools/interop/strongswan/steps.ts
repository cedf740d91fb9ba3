/** What is done on a channel that is up; after each step the setting protocol has to run again. */
import { nodeCommand } from '../../lab/processes.ts';
import { responderAddress } from './arena.ts';
import { Disagreement, type Step } from './combination.ts';
import type { Conversation } from './conversation.ts';
import { orUndefined } from './conversation.ts';
import { OurRouter, OurServer, routerName } from './our-end.ts';
import { connectionName } from './settings-text.ts';

/** Times that `pattern` is in strongSwan's log. */
function countInLog({ charon }: Conversation, pattern: RegExp): number {
  return charon.log.match(new RegExp(pattern, 'g'))?.length ?? 0;
}

/** Waits until strongSwan has logged `pattern` so many times more than before. */
async function untilLogged(
  conversation: Conversation,
  pattern: RegExp,
  more: number,
  withinMs: number,
): Promise<void> {
  const wanted = countInLog(conversation, pattern) + more;
  await conversation.waitFor(
    `strongSwan logs ${more} times more ${pattern}`,
    async () => orUndefined(countInLog(conversation, pattern) >= wanted),
    withinMs,
  );
}

/** Fails unless the SAs are the ones that there were. */
async function whileSasStay(conversation: Conversation, wait: () => Promise<void>): Promise<void> {
  const before = await conversation.theSas();
  await wait();
  const after = await conversation.theSas();
  if (before.ike.uniqueid !== after.ike.uniqueid || before.child.uniqueid !== after.child.uniqueid) {
    throw new Disagreement('expected the same SAs as before, found others');
  }
}

/** strongSwan asks whether we are alive, and we answer (RFC 7296 section 2.4). Needs a `dpd_delay`. */
export const answerLiveness: Step = (conversation) =>
  whileSasStay(conversation, () => untilLogged(conversation, /sending DPD request/, 3, 15_000));

/**
 * We ask, after ten seconds of silence as a router and sixty as a server. The server is silent only when it has said, after
 * half a minute, that the other router did not answer. A router that may move says with it between which addresses it asks
 * (RFC 4555 section 3.8).
 */
export const askLiveness: Step = (conversation) =>
  whileSasStay(conversation, () =>
    untilLogged(conversation, /parsed INFORMATIONAL request \d+ \[( N\(NATD_._IP\))* \]/, 1, 120_000),
  );

/** strongSwan deletes the IKE SA. A server has lost its router then; a router sets a new channel up by itself. */
export const strongswanDeletesIkeSa: Step = async (conversation) => {
  const before = await conversation.theSas();
  const outcome = await conversation.charon.swanctl('--terminate', '--ike', connectionName);
  if (!outcome.ok) throw new Disagreement(`strongSwan cannot delete the IKE SA:\n${outcome.text}`);
  await setUpAnew(conversation, before.ike.uniqueid);
};

/** The same with the CHILD SA: a channel without one is none, so we close it. */
export const strongswanDeletesChildSa: Step = async (conversation) => {
  const before = await conversation.theSas();
  const outcome = await conversation.charon.swanctl('--terminate', '--child', connectionName);
  if (!outcome.ok) throw new Disagreement(`strongSwan cannot delete the CHILD SA:\n${outcome.text}`);
  await setUpAnew(conversation, before.ike.uniqueid);
};

async function setUpAnew(conversation: Conversation, oldId: string): Promise<void> {
  if (conversation.ours instanceof OurServer) await conversation.untilDownHere();
  await conversation.setUp();
  await conversation.theSas('strongSwan has a new IKE SA', ({ ike }) => ike.uniqueid !== oldId);
}

/** The initiator loses all it knew; its new IKE SA replaces the old one (INITIAL_CONTACT, RFC 7296 section 2.4). */
export const initiatorRestarts: Step = async (conversation) => {
  const before = await conversation.theSas();
  if (conversation.combination.role === 'initiator') {
    await conversation.ends.restartCharon();
    await conversation.setUp();
    await conversation.theSas();
    return;
  }
  await conversation.ends.restartOurs();
  await conversation.untilOursAnswers();
  await conversation.setUp();
  await conversation.theSas(
    'strongSwan has the new IKE SA alone',
    ({ ike }) => ike.uniqueid !== before.ike.uniqueid,
  );
};

/**
 * strongSwan as responder loses all it knew: our router asks for liveness after ten seconds of silence, and sets up anew
 * when nobody has answered for twenty. strongSwan does not say INVALID_IKE_SPI.
 */
export const responderRestarts: Step = async (conversation) => {
  await conversation.ends.restartCharon();
  await conversation.theSas('our router has set up a new channel', () => true, 60_000);
};

/** strongSwan says nothing any more: our router notices, and is back when strongSwan is. */
export const strongswanFallsSilent: Step = async (conversation) => {
  const { process } = conversation.charon;
  process.signal('SIGSTOP');
  try {
    await conversation.waitFor(
      'our router notices that nobody answers',
      async () => orUndefined(!(await conversation.ours.isUp())),
      60_000,
    );
  } finally {
    process.signal('SIGCONT');
  }
  await conversation.setUp();
};

/** The initiator has another address from now on, and the channel is there again from it. */
export const initiatorMoves: Step = async (conversation) => {
  const { arena, combination } = conversation;
  const namespace = combination.role === 'initiator' ? arena.strongswan : arena.sekisho;
  const away = '192.0.2.3';
  arena.run(namespace, 'sh', '-ec', 'echo 1 > /proc/sys/net/ipv4/conf/wan0/promote_secondaries');
  arena.run(namespace, 'ip', 'address', 'add', `${away}/24`, 'dev', 'wan0');
  arena.run(namespace, 'ip', 'address', 'delete', `${arena.initiatorAddress}/24`, 'dev', 'wan0');
  const end = combination.role === 'initiator' ? 'local-host' : 'remote-host';
  await conversation.theSas(`strongSwan has an SA with ${away}`, ({ ike }) => ike[end] === away);
};

/** The server sees the router at the NAT's address and at another port than it sends from. */
export const serverSeesNat: Step = async (conversation) => {
  const { ours, arena } = conversation;
  if (!(ours instanceof OurServer)) throw new Disagreement('this step needs our server');
  const router = (await ours.status()).routers.find(({ name }) => name === routerName);
  const [address, port] = (router?.endpoint ?? '').split(':');
  if (router?.behindNat !== true || address !== arena.seenAddress || port === '4500') {
    throw new Disagreement(
      `expected our server to see a router behind a NAT at ${arena.seenAddress} and another port than 4500, found ${JSON.stringify(router)}`,
    );
  }
};

/** The router knows that it is behind a NAT. */
export const routerSeesNat: Step = async ({ ours }) => {
  if (!(ours instanceof OurRouter)) throw new Disagreement('this step needs our router');
  const { channel } = await ours.status();
  if (channel.behindNat !== true) {
    throw new Disagreement(`expected our router to know of the NAT, found ${JSON.stringify(channel)}`);
  }
};

/**
 * So many half-open IKE SAs at the responder that it demands cookies from then on (RFC 7296 section 2.6); they come from
 * where the initiator is.
 */
export function openHalf(count: number): Step {
  return async (conversation) => {
    const { arena, combination } = conversation;
    const namespace = combination.role === 'initiator' ? arena.strongswan : arena.sekisho;
    const program = ['tools/interop/programs/half-open.ts', String(count), responderAddress];
    const answers = Number(await conversation.run(namespace, 'half-open', [nodeCommand, ...program]));
    if (answers === 0) throw new Disagreement(`none of ${count} requests of IKE_SA_INIT was answered`);
  };
}
