/**
 * Plays one combination: starts both ends in a fresh arena, lets the initiator call, looks at what both ends say, lets the
 * setting protocol run, does the combination's steps, and ends everything. A refusal is played to the refusal.
 */
import { mkdirSync } from 'node:fs';
import { Arena } from './arena/arena.ts';
import { Ends, type Stage } from './arena/ends.ts';
import { Conversation, orUndefined } from './conversation.ts';
import { namesOf } from './matrix/algorithm-names.ts';
import { type Combination, Disagreement, type Refusal } from './matrix/combination.ts';

/**
 * Plays the combination and removes what it made, but for the files in the arena's folder.
 *
 * @throws Disagreement when an end did not do what it should; HostError PLATFORM when a program does not start
 */
export async function play(stage: Stage, combination: Combination): Promise<void> {
  const { place } = stage;
  mkdirSync(place.path(stage.arena), { mode: 0o700 });
  const arena = Arena.build(place.name, stage.arena, combination);
  const ends = new Ends(stage, combination, arena);
  const conversation = new Conversation(combination, arena, ends, stage);
  try {
    await ends.start();
    await conversation.untilOursAnswers();
    if (combination.refusal === undefined) await converse(conversation);
    else await expectRefusal(conversation, combination.refusal);
    await checkEvidence(conversation);
  } finally {
    await ends.stop();
    arena.remove();
  }
}

async function converse(conversation: Conversation): Promise<void> {
  await conversation.setUp();
  await checkAlgorithms(conversation);
  await conversation.exchangeSettings();
  for (const step of conversation.combination.steps) {
    await step(conversation);
    await conversation.exchangeSettings();
  }
}

/** Both say why, and neither has a channel. */
async function expectRefusal(conversation: Conversation, refusal: Refusal): Promise<void> {
  const { charon, ours } = conversation;
  if (conversation.combination.role === 'initiator' && (await charon.initiate()).ok) {
    throw new Disagreement('expected a refusal, but the channel is up');
  }
  await conversation.waitFor(`our ${ours.what} says ${refusal.ours}`, async () =>
    orUndefined(refusal.ours.test(await ours.words())),
  );
  await conversation.waitFor(`strongSwan says ${refusal.strongswan}`, async () =>
    orUndefined(refusal.strongswan.test(charon.log)),
  );
  if (await ours.isUp()) throw new Disagreement(`expected a refusal, but our ${ours.what} has a channel`);
  // A responder has an SA until the initiator, which found the fault, has deleted it; a router tries again and again.
  await conversation.waitFor('strongSwan has no SA', async () => {
    const left = (await charon.ikeSas()).filter(({ state, children }) =>
      refusal.keepsIkeSa ? children.length > 0 : state === 'ESTABLISHED',
    );
    return orUndefined(left.length === 0);
  });
}

/** Both ends say that they have negotiated what strongSwan was given to offer or to accept. */
async function checkAlgorithms(conversation: Conversation): Promise<void> {
  const { combination, ours } = conversation;
  const { ike, child } = await conversation.theSas();
  const isAsWanted = (found: object, wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).every(([field, value]) => Reflect.get(found, field) === value);
  if (!isAsWanted(ike, namesOf(combination.ike))) {
    throw new Disagreement(`the IKE SA is not ${combination.ike}: ${JSON.stringify(ike)}`);
  }
  // The first CHILD SA has no key exchange of its own (RFC 7296 section 1.2).
  const { 'dh-group': _, ...wanted } = namesOf(combination.esp);
  if (!isAsWanted(child, wanted)) {
    throw new Disagreement(`the CHILD SA is not ${combination.esp}: ${JSON.stringify(child)}`);
  }
  // strongSwan's user space has no ESN; with the kernel's ESP a proposal may end in it.
  const hasEsn = combination.esp.endsWith('-esn');
  // Without the key exchange of a rekeying.
  const esp = combination.esp.replace(/-esn$/, '').replace(/-(x25519|ecp\d+|modp\d+)$/, '');
  // Ours leaves a PRF out that is that of the integrity.
  const ikeInShort = combination.ike.replace(/-(sha\d+)-prf\1-/, '-$1-');
  const settled = `${ikeInShort}, ESP ${esp} ${hasEsn ? 'with' : 'without'} ESN`;
  const found = await ours.algorithms();
  if (found !== settled)
    throw new Disagreement(`our ${ours.what} has settled on ${found}; expected ${settled}`);
  const { ppk = { strongswan: 'none', ours: 'none' } } = combination;
  const hasPpk = ppk.strongswan !== 'none' && ppk.ours !== 'none';
  if ((ike.ppk === 'yes') !== hasPpk) throw new Disagreement(`strongSwan says of the PPK: ${ike.ppk}`);
  if (child.encap !== 'yes') throw new Disagreement('strongSwan does not encapsulate ESP in UDP');
}

/** What the combination is about has really happened. */
async function checkEvidence({ combination, charon }: Conversation): Promise<void> {
  for (const evidence of combination.evidence ?? []) {
    if (!evidence.test(charon.log)) throw new Disagreement(`strongSwan's log does not have ${evidence}`);
  }
}
