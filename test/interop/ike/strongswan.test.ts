/**
 * A few conversations with a real strongSwan, in both roles, as `npm run interop -- strongswan` holds them: enough to see at
 * every change that a stranger still understands us. The whole matrix is that command.
 */
import { rmSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import type { Stage } from '../../../tools/interop/strongswan/arena/ends.ts';
import { type Combination, nameOf } from '../../../tools/interop/strongswan/matrix/combination.ts';
import { combinations } from '../../../tools/interop/strongswan/matrix/combinations.ts';
import { play } from '../../../tools/interop/strongswan/play.ts';
import { Place } from '../../../tools/lab/place.ts';
import { Processes } from '../../../tools/lab/processes.ts';
import { describeWith } from '../../requirements.ts';

const selection = [
  'authentication: pre-shared key, strongSwan as initiator',
  'authentication: pre-shared key, strongSwan as responder',
  'authentication: certificates below an intermediate authority, strongSwan as initiator',
  'wrong first guess: INVALID_KE_PAYLOAD, strongSwan as responder',
  'rekey: strongSwan, the IKE SA, strongSwan as initiator',
  'rekey: we, the IKE SA, INVALID_KE_PAYLOAD, strongSwan as initiator',
  'rekey at once: the CHILD SA, strongSwan is done before it hears of ours, strongSwan as responder',
  'NAT: before the initiator, strongSwan as initiator',
  'delete: strongSwan, the IKE SA, strongSwan as responder',
  'refusal: another pre-shared key, strongSwan as initiator',
  "refusal: strongSwan's certificate: revoked, strongSwan as responder",
];

let stage: Stage | undefined;

/** Made when the first test wants it: a skipped group makes nothing. */
function onStage(): Stage {
  if (stage === undefined) {
    const place = Place.take(`strongswan-test-${process.pid}`, () => undefined);
    stage = { place, processes: new Processes(place), arena: 'arena' };
  }
  return stage;
}

afterAll(async () => {
  await stage?.processes.stopAll();
  stage?.place.leave();
});

/** Plays, and forgets the files, so that the same combination can be played again. */
async function played(combination: Combination): Promise<void> {
  const { place, arena } = onStage();
  try {
    await play(onStage(), combination);
  } finally {
    rmSync(place.path(arena), { recursive: true, force: true });
  }
}

function named(name: string): Combination {
  const found = combinations.find((one) => nameOf(one) === name);
  if (found === undefined) throw new Error(`no combination is called ${name}`);
  return found;
}

describeWith(
  ['root', 'tun', 'network namespaces', 'iproute2', 'nft', 'ping', 'strongswan'],
  'strongSwan',
  () => {
    it.each(selection)('%s', async (name) => {
      await played(named(name));
    });

    it('differs where a refusal is expected and there is none', async () => {
      const plain = named('authentication: pre-shared key, strongSwan as initiator');
      const refusal = { strongswan: /./, ours: /./ };
      await expect(played({ ...plain, refusal })).rejects.toThrow(
        'expected a refusal, but the channel is up',
      );
    });

    it('differs where the setting messages have no way through the channel', async () => {
      const plain = named('authentication: pre-shared key, strongSwan as initiator');
      const cut = async ({ arena }: Parameters<Combination['steps'][number]>[0]) => {
        arena.run(arena.strongswan, 'ip', '-6', 'route', 'flush', 'table', '220');
      };
      await expect(played({ ...plain, steps: [cut] })).rejects.toThrow('the server answered nothing;');
    });
  },
);
