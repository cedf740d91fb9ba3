/**
 * The Linux kernel's own ESP and AH, in a guest with Debian's kernel, and our engine understand each other, every proposal once;
 * and strongSwan with that ESP and our server. `npm run interop -- linux-kernel` tries all of both.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Combination, combinations } from '../../tools/interop/linux-kernel/combinations.ts';
import { converse } from '../../tools/interop/linux-kernel/conversation.ts';
import { ikev2Combinations } from '../../tools/interop/linux-kernel/ikev2-combinations.ts';
import { KernelGuest } from '../../tools/interop/linux-kernel/kernel-guest.ts';
import { peer } from '../../tools/interop/linux-kernel/peer.ts';
import type { Stage } from '../../tools/interop/strongswan/arena/ends.ts';
import type { Step } from '../../tools/interop/strongswan/matrix/combination.ts';
import { play } from '../../tools/interop/strongswan/play.ts';
import { guestOf, kernelHasTheSas, parseKernelSas } from '../../tools/interop/strongswan/steps/kernel.ts';
import { Place } from '../../tools/lab/place.ts';
import { Processes } from '../../tools/lab/processes.ts';
import { describeWith } from '../requirements.ts';

const folder = join(fileURLToPath(new URL('../../build/', import.meta.url)), 'debian');
const bootMs = 240_000;

/** One form of each proposal, another one for each. */
function selection(): Combination[] {
  const forms = Map.groupBy(combinations, ({ protocol, proposal }) => `${protocol} ${proposal.keyword}`);
  return [...forms.values()].flatMap((ofProposal, index) =>
    ofProposal.slice(index % ofProposal.length).slice(0, 1),
  );
}

describeWith(['debian amd64', 'qemu', 'busybox', 'socat', 'iproute2'], 'the Linux kernel', () => {
  let guest: KernelGuest;
  beforeAll(async () => {
    guest = await KernelGuest.boot(folder);
  }, bootMs);
  afterAll(() => guest?.cutPower());

  it.each(selection())(
    'agrees: $name',
    async (combination) => {
      expect(await converse(guest, combination)).toBe(undefined);
    },
    60_000,
  );

  it('differs where its SA has another length of ICV than ours', async () => {
    const [one] = combinations.filter(({ proposal }) => proposal.keyword === 'aes256gcm16');
    if (one === undefined) throw new Error('there is AES-GCM');
    const other = { ...one, proposal: { ...one.proposal, icvOctets: 12 } };
    expect(await converse(guest, other)).toContain('the kernel answers 0 of 14 packets');
  }, 60_000);
});

describe('the names of the combinations', () => {
  it('are unique, and those of SAs are chosen without those of channels, which need privileges', () => {
    expect(new Set(peer.names).size).toBe(peer.names.length);
    const chosen = (only: string) => peer.names.filter((name) => name.toLowerCase().includes(only));
    expect(chosen('ikev2')).toHaveLength(ikev2Combinations.length);
    expect([...chosen('esp '), ...chosen('ah ')]).toEqual(combinations.map(({ name }) => name));
  });
});

describe("the kernel's list of SAs", () => {
  it('is read with what is negotiated about each', () => {
    const text = `src 192.0.2.1 dst 192.0.2.2
\tproto esp spi 0xc2f1a0b3 reqid 1 mode tunnel
\treplay-window 0 flag af-unspec esn
\taead rfc4106(gcm(aes)) <<Keys hidden>> 128
\tencap type espinudp sport 4500 dport 4500 addr 0.0.0.0
src 192.0.2.2 dst 192.0.2.1
\tproto esp spi 0x00c1d2e3 reqid 1 mode transport
\treplay-window 32 flag af-unspec
`;
    expect(parseKernelSas(text)).toEqual([
      { spi: 'c2f1a0b3', mode: 'tunnel', isInUdp: true, hasEsn: true },
      { spi: '00c1d2e3', mode: 'transport', isInUdp: false, hasEsn: false },
    ]);
    expect(parseKernelSas('')).toEqual([]);
  });
});

const needs = ['debian amd64', 'qemu', 'busybox', 'socat', 'iproute2', 'strongswan'] as const;

describeWith(
  [...needs, 'root', 'tun', 'network namespaces', 'ping'],
  "strongSwan with the kernel's ESP",
  () => {
    let stage: Stage;
    beforeAll(() => {
      const place = Place.take(`linux-kernel-test-${process.pid}`, () => undefined);
      stage = { place, processes: new Processes(place), arena: 'arena' };
    });
    afterAll(async () => {
      await stage?.processes.stopAll();
      stage?.place.leave();
    });

    async function played(what: string, steps?: readonly Step[]): Promise<void> {
      const found = ikev2Combinations.find((one) => one.what === what);
      if (found === undefined) throw new Error(`no combination is about ${what}`);
      try {
        await play(stage, { ...found, ...(steps === undefined ? {} : { steps }) });
      } finally {
        rmSync(stage.place.path(stage.arena), { recursive: true, force: true });
      }
    }

    it('agrees when both ends rekey both SAs', () => played('both ends, both in turn'), 2 * bootMs);

    it(
      'differs where the kernel has an SA that strongSwan does not know, or does not seal what goes out',
      async () => {
        const add: Step = async (conversation) => {
          await guestOf(conversation).shell.ip([
            'xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1234 mode tunnel enc ecb(cipher_null) "" auth hmac(sha1) 0x00',
          ]);
          await expect(kernelHasTheSas(conversation)).rejects.toThrow('"spi":"00001234"');
        };
        const cut: Step = async (conversation) => {
          await guestOf(conversation).shell.ip(['xfrm policy flush']);
        };
        await expect(played('aes256gcm16', [add, cut])).rejects.toThrow('the server answered nothing;');
      },
      2 * bootMs,
    );
  },
);
