/**
 * The Linux kernel's own ESP and AH, in a guest with Debian's kernel, and our engine understand each other. Every proposal once;
 * `npm run interop -- linux-kernel` tries them all in every form.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Combination, combinations } from '../../tools/interop/linux-kernel/combinations.ts';
import { converse } from '../../tools/interop/linux-kernel/conversation.ts';
import { KernelGuest } from '../../tools/interop/linux-kernel/kernel-guest.ts';
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
