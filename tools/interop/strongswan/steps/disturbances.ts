/** Restarts, moves, NATs and floods on a channel that is up; after each step the setting protocol has to run again. */
import { nodeCommand } from '../../../lab/processes.ts';
import { responderAddress } from '../arena/arena.ts';
import { OurRouter, OurServer, routerName } from '../arena/our-end.ts';
import { Disagreement, type Step } from '../matrix/combination.ts';

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
