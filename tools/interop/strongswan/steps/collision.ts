/**
 * Both ends rekey at once (RFC 7296 sections 2.8.1, 2.8.2 and 2.25). That their requests cross is not left to chance: gate.ts
 * holds both back until both are on their way, and then decides who hears of what first.
 */
import type { RekeyWhat } from '../../../../host/model/rekey-order.ts';
import { type End, Gate, type Held } from '../arena/gate.ts';
import { type Conversation, orUndefined, type Sas } from '../conversation.ts';
import { Disagreement, type Step } from '../matrix/combination.ts';
import { countOf, hasNewChild, hasNewIke, orderStrongswan, untilRekeyed } from './rekey.ts';

/** What has to be new in the end, whoever won. */
function isNewOf(ours: RekeyWhat, strongswan: RekeyWhat): (before: Sas, after: Sas) => boolean {
  if (ours !== strongswan) {
    return (before, after) =>
      before.child.uniqueid !== after.child.uniqueid &&
      before.ike['responder-spi'] !== after.ike['responder-spi'];
  }
  return ours === 'child' ? hasNewChild : hasNewIke;
}

/**
 * Our end and strongSwan rekey at once.
 *
 * @param first the end whose rekeying is over before it hears of the other's request; without it, each end has
 *   answered the other before it gets the answer to its own
 */
export function collide(ours: RekeyWhat, strongswan: RekeyWhat, first?: End): Step {
  return async (conversation) => {
    const gate = new Gate(conversation.arena);
    const before = await countOf(conversation, 'childSa');
    await untilRekeyed(
      conversation,
      `what is left of two rekeyings at once`,
      async () => {
        await startBoth(conversation, gate, ours, strongswan);
        if (first === undefined) await answerBoth(conversation, gate, ours === strongswan);
        else await finish(conversation, gate, first);
        gate.open();
      },
      isNewOf(ours, strongswan),
    );
    const rekeyed = (await countOf(conversation, 'childSa')) - before;
    // Where each end answers the other there are two new CHILD SAs for a while, and one of them is redundant.
    const expected = first === undefined && ours === 'child' && strongswan === 'child' ? 2 : 1;
    if ((ours === 'child' || strongswan === 'child') && rekeyed !== expected) {
      throw new Disagreement(`expected ${expected} new CHILD SAs on the way, our end counts ${rekeyed}`);
    }
  };
}

/** Lets both send their requests, none of which arrives. */
async function startBoth(
  conversation: Conversation,
  gate: Gate,
  ours: RekeyWhat,
  strongswan: RekeyWhat,
): Promise<void> {
  for (const end of ['ours', 'strongswan'] as const) gate.hold(end, 'request', 'response');
  await Promise.all([conversation.ours.rekey(ours), orderStrongswan(conversation, strongswan)]);
  await untilHeld(conversation, gate, 'request');
}

/**
 * Lets the requests arrive, and none of the answers; then the answers, and none of the deletes. If both rekey the same, each has
 * something to delete, what it has replaced or what is redundant, and does so once it has its answer.
 */
async function answerBoth(conversation: Conversation, gate: Gate, areSame: boolean): Promise<void> {
  for (const end of ['ours', 'strongswan'] as const) gate.hold(end, 'response', 'delete');
  await untilHeld(conversation, gate, 'response');
  if (!areSame) return;
  for (const end of ['ours', 'strongswan'] as const) gate.hold(end, 'delete');
  await untilHeld(conversation, gate, 'delete');
}

async function untilHeld(conversation: Conversation, gate: Gate, held: Held): Promise<void> {
  await conversation.waitFor(
    `each end has sent a ${held} that the other has not`,
    async () => orUndefined(gate.heldBack('ours', held) > 0 && gate.heldBack('strongswan', held) > 0),
    15_000,
  );
}

/** Lets `first` have the answer to its request and delete what it has replaced, all before it gets the other's request. */
async function finish(conversation: Conversation, gate: Gate, first: End): Promise<void> {
  const other = first === 'ours' ? 'strongswan' : 'ours';
  gate.hold(other, 'request');
  const isDeleted =
    first === 'ours' ? /generating INFORMATIONAL response \d+ \[/ : /parsed INFORMATIONAL response \d+ \[/;
  const done = conversation.untilLogged(isDeleted, 1, 15_000);
  gate.hold(first);
  await done;
}
