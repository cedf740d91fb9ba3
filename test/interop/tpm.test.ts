/**
 * Our TPM commands against strangers: swtpm carries them out, and tpm2-tools unseal what we sealed and seal what we unseal. Without a
 * resource manager in between: a key that we forgot in the TPM would take one of its three places.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { KeyStore } from '../../host/flash/key-store.ts';
import { type SealedKey, sealKey, type Transmit, unsealKey } from '../../host/tpm/sealed-key.ts';
import { tpmKeyStore } from '../../host/tpm/tpm-key-store.ts';
import { sized } from '../../host/tpm/wire.ts';
import { SoftwareTpm } from '../../tools/qemu-runner/software-tpm.ts';
import { describeWith } from '../requirements.ts';

const random = (octets: number): Uint8Array => Uint8Array.from(randomBytes(octets));
const context = new TextEncoder().encode('revision 1');

describeWith(['swtpm', 'tpm2-tools', 'socat'], 'a TPM that is a program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-tpm-'));
  const file = (name: string): string => join(folder, name);
  const tpms = new Map<string, SoftwareTpm>();

  /** As /dev/tpmrm0 does it: a command, and the whole answer. */
  const transmitTo =
    (name: string): Transmit =>
    (command) => {
      const args = ['-t10', '-', `UNIX-CONNECT:${file(name)}`];
      return Uint8Array.from(execFileSync('socat', args, { input: command }));
    };
  const storeIn = (name: string): KeyStore =>
    tpmKeyStore(() => ({ transmit: transmitTo(name), close: () => {} }), random);

  /** A command of tpm2-tools, which forget what they leave in the TPM. */
  const tool = (command: string, args: readonly string[], input?: Uint8Array): Buffer => {
    const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:path=${file('one')}` };
    const run = (program: string, ...more: string[]) => {
      const { status, stdout, stderr } = spawnSync(program, more, { env, ...(input && { input }) });
      expect(status, `${program}: ${stderr}`).toBe(0);
      return stdout;
    };
    const said = run(command, ...args);
    run('tpm2_flushcontext', '-t');
    return said;
  };
  const ourStorageKey = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt';

  beforeAll(async () => {
    for (const name of ['one', 'other'])
      tpms.set(
        name,
        await SoftwareTpm.start({ state: file(`${name}-state`), socket: file(name), for: 'commands' }),
      );
    tool('tpm2_createprimary', ['-C', 'o', '-G', 'ecc', '-a', ourStorageKey, '-c', file('primary')]);
  }, 60_000);

  afterAll(async () => {
    for (const tpm of tpms.values()) await tpm.end();
    rmSync(folder, { recursive: true });
  });

  it('gives back the key that it sealed, again and again, and keeps nothing of it', () => {
    const key = random(32);
    const sealed = sealKey(transmitTo('one'), key);
    for (let round = 0; round < 4; round++) expect(unsealKey(transmitTo('one'), sealed)).toEqual(key);
    for (const area of [sealed.publicArea, sealed.privateArea])
      expect(Buffer.from(area).includes(Buffer.from(key))).toBe(false);
    expect(tool('tpm2_getcap', ['handles-transient']).toString().trim()).toBe('');
    expect(tool('tpm2_getcap', ['handles-persistent']).toString().trim()).toBe('');
  }, 60_000);

  it('gives it to tpm2-tools too', () => {
    const key = random(32);
    const { publicArea, privateArea } = sealKey(transmitTo('one'), key);
    writeFileSync(file('public'), sized(publicArea));
    writeFileSync(file('private'), sized(privateArea));
    const parts = ['-u', file('public'), '-r', file('private'), '-c', file('object')];
    tool('tpm2_load', ['-C', file('primary'), ...parts]);
    expect(tool('tpm2_unseal', ['-c', file('object')]).equals(key)).toBe(true);
    const { stdout } = spawnSync('tpm2_print', ['-t', 'TPM2B_PUBLIC', file('public')], { encoding: 'utf8' });
    expect(stdout).toMatch(/type:\s+value: keyedhash/);
    expect(stdout).toMatch(/value: fixedtpm\|fixedparent\|userwithauth\|noda\n/);
  }, 60_000);

  it('unseals for us what tpm2-tools sealed', () => {
    const key = random(32);
    const parts = ['-u', file('their-public'), '-r', file('their-private')];
    tool('tpm2_create', ['-C', file('primary'), '-i', '-', ...parts], key);
    const content = (name: string): Uint8Array => Uint8Array.from(readFileSync(file(name)).subarray(2));
    const theirs: SealedKey = { publicArea: content('their-public'), privateArea: content('their-private') };
    expect(unsealKey(transmitTo('one'), theirs)).toEqual(key);
  }, 60_000);

  it('opens credentials with what they belong to, and no others', () => {
    const secret = new TextEncoder().encode('the pre-shared key of tokyo');
    const store = storeIn('one');
    const sealed = store.seal(secret, context);
    if (!sealed.ok) throw new Error(sealed.message);
    expect(Buffer.from(sealed.value).includes(Buffer.from(secret))).toBe(false);
    expect(store.open(sealed.value, context)).toEqual({ ok: true, value: secret });
    expect(store.open(sealed.value, context.subarray(1))).toMatchObject({ ok: false, code: 'KEY_STORE' });
    expect(storeIn('other').open(sealed.value, context)).toMatchObject({
      ok: false,
      code: 'KEY_STORE',
      message: expect.stringMatching(/sealed by another TPM, or this one was cleared/),
    });
  }, 60_000);

  it('opens them after its power was off, and not after it was cleared', async () => {
    const secret = Uint8Array.of(1, 2, 3);
    const sealed = storeIn('one').seal(secret, context);
    if (!sealed.ok) throw new Error(sealed.message);
    await tpms.get('one')?.end();
    const again = { state: file('one-state'), socket: file('one'), for: 'commands' } as const;
    tpms.set('one', await SoftwareTpm.start(again));
    expect(storeIn('one').open(sealed.value, context)).toEqual({ ok: true, value: secret });
    tool('tpm2_clear', ['-c', 'p']);
    expect(storeIn('one').open(sealed.value, context)).toMatchObject({
      message: expect.stringMatching(/this one was cleared/),
    });
  }, 60_000);

  it('whose owner has a password is named as such', () => {
    tool('tpm2_changeauth', ['-c', 'o', 'owner password']);
    try {
      expect(storeIn('one').seal(Uint8Array.of(1), context)).toMatchObject({
        ok: false,
        message: expect.stringMatching(/refuses TPM2_CreatePrimary: its owner hierarchy has a password/),
      });
    } finally {
      tool('tpm2_changeauth', ['-c', 'o', '-p', 'owner password']);
    }
  }, 60_000);
});
