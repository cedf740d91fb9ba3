/** What a TPM, or whatever sits on its bus, may answer: every answer that is not one ends in an error that says so, and leaves no key behind. */
import { describe, expect, it } from 'vitest';
import { decodeResponse, encodeCommand } from '../../../host/tpm/command.ts';
import { describeCode, plainCode } from '../../../host/tpm/response-code.ts';
import { sealKey, unsealKey } from '../../../host/tpm/sealed-key.ts';
import { tpmKeyStore } from '../../../host/tpm/tpm-key-store.ts';
import { joined, sized, TpmError, u8, u16, u32 } from '../../../host/tpm/wire.ts';
import { Prng } from '../../simulation/prng.ts';

const password = joined(sized(), u8(1), sized());

/** An answer to an authorized command. */
function answer(parameters: Uint8Array, handle?: number): Uint8Array {
  const body = joined(
    ...(handle === undefined ? [] : [u32(handle)]),
    ...[u32(parameters.length), parameters, password],
  );
  return joined(u16(0x8002), u32(10 + body.length), u32(0), body);
}

function refusal(code: number): Uint8Array {
  return joined(u16(0x8001), u32(10), u32(code));
}

const flushed = joined(u16(0x8001), u32(10), u32(0));
const key = new Uint8Array(32).fill(0x5a);
const sealedKey = { publicArea: Uint8Array.of(1, 2), privateArea: Uint8Array.of(3, 4, 5) };

/** A TPM as this test knows it, by command code; whatever is in `more` answers in place of it. */
function tpm(more: Readonly<Record<number, (command: Uint8Array) => Uint8Array>> = {}) {
  const asked: number[] = [];
  const buffers: Uint8Array[] = [];
  const transmit = (command: Uint8Array): Uint8Array => {
    const code = new DataView(command.buffer, command.byteOffset).getUint32(6);
    asked.push(code);
    const usual: Record<number, () => Uint8Array> = {
      305: () => answer(joined(sized(u8(1))), 0x8000_0000),
      339: () => answer(joined(sized(sealedKey.privateArea), sized(sealedKey.publicArea))),
      343: () => answer(sized(), 0x8000_0001),
      350: () => answer(sized(key)),
      357: () => flushed.slice(),
    };
    const said = more[code]?.(command) ?? usual[code]?.() ?? refusal(0x143);
    buffers.push(command, said);
    return said;
  };
  return { transmit, asked, buffers };
}

describe('commands', () => {
  it('have the octets of the specification', () => {
    const load = encodeCommand({
      name: 'TPM2_Load',
      authorized: 0x8000_0000,
      parameters: [sized(Uint8Array.of(0xaa)), sized(Uint8Array.of(0xbb, 0xcc))],
    });
    expect(Buffer.from(load).toString('hex')).toBe(
      `8002${'00000022'}${'00000157'}${'80000000'}${'00000009'}${'400000090000000000'}${'0001aa'}${'0002bbcc'}`,
    );
    const flush = encodeCommand({ name: 'TPM2_FlushContext', parameters: [u32(0x8000_0000)] });
    expect(Buffer.from(flush).toString('hex')).toBe('80010000000e0000016580000000');
  });
});

describe('an answer', () => {
  const unseal = { name: 'TPM2_Unseal', authorized: 1, parameters: [] } as const;
  const read = (octets: Uint8Array) => decodeResponse(unseal, octets).parameters.sized(64);

  it('that is cut short anywhere is none', () => {
    const whole = answer(sized(key));
    expect(read(whole)).toEqual(key);
    for (let length = 0; length < whole.length; length++)
      expect(() => read(whole.subarray(0, length))).toThrow(TpmError);
  });

  it('with a length that leads beyond its end is none, wherever the length is', () => {
    const whole = answer(sized(key));
    for (const at of [2, 10, 14, whole.length - 5, whole.length - 2]) {
      const one = whole.slice();
      one[at] = 0x7f;
      expect(() => read(one), `octet ${at}`).toThrow(TpmError);
    }
  });

  it('with octets behind it, of the wrong tag, or of a TPM 1.2 is none', () => {
    expect(() => read(joined(answer(sized(key)), u8(0)))).toThrow(/expected \d+ octets, found \d+/);
    expect(() => read(joined(u16(0x8001), answer(sized(key)).subarray(2)))).toThrow(/expected tag 0x8002/);
    expect(() => read(joined(u16(0x00c4), u32(10), u32(30)))).toThrow(/expected tag 0x8001, found 0xc4/);
    expect(() => decodeResponse({ ...unseal, makesObject: true }, answer(sized(), 0x4000_0001))).toThrow(
      /expected the handle of an object, found 0x40000001/,
    );
  });

  it('of random octets throws nothing but TpmError', () => {
    const prng = new Prng(7);
    for (let round = 0; round < 2000; round++) {
      const octets = answer(sized(key));
      const flips = 1 + prng.below(4);
      for (let flip = 0; flip < flips; flip++) octets[prng.below(octets.length)] = prng.below(256);
      try {
        expect(read(octets).length).toBeLessThanOrEqual(64);
      } catch (error) {
        expect(error).toBeInstanceOf(TpmError);
      }
    }
  });

  it('that refuses says why, whatever it is about', () => {
    expect(plainCode(0x1df)).toBe(0x09f); // TPM_RC_INTEGRITY, parameter 1
    expect(plainCode(0x9a2)).toBe(0x0a2); // TPM_RC_BAD_AUTH, session 1
    expect(describeCode(0x101)).toMatch(/failure mode.*0x101/);
    expect(describeCode(0x2d5)).toBe('response code 0x2d5');
  });
});

describe('a sealed key', () => {
  it('is taken out of the TPM whatever fails in between, and no buffer keeps it', () => {
    for (const [code, expected] of [
      [0x15e, [0x131, 0x157, 0x15e, 0x165, 0x165]],
      [0x157, [0x131, 0x157, 0x165]],
      [0x131, [0x131]],
    ] as const) {
      const { transmit, asked, buffers } = tpm({ [code]: () => refusal(0x101) });
      expect(() => unsealKey(transmit, sealedKey)).toThrow(/failure mode/);
      expect(asked).toEqual(expected);
      expect(buffers.every((octets) => octets.every((octet) => octet === 0))).toBe(true);
    }
    for (const work of [
      (transmit: (command: Uint8Array) => Uint8Array) => sealKey(transmit, key),
      (transmit: (command: Uint8Array) => Uint8Array) => unsealKey(transmit, sealedKey),
    ]) {
      const { transmit, buffers } = tpm();
      work(transmit);
      expect(buffers.length).toBeGreaterThan(4);
      expect(buffers.every((octets) => octets.every((octet) => octet === 0))).toBe(true);
    }
  });

  it('of another length is refused, and what is too long for an area', () => {
    const short = tpm({ 350: () => answer(sized(key.subarray(1))) });
    expect(() => unsealKey(short.transmit, sealedKey)).toThrow(/32 octets, found 31/);
    const long = tpm({ 339: () => answer(joined(sized(new Uint8Array(513)), sized())) });
    expect(() => sealKey(long.transmit, key)).toThrow(/at most 512 octets, found 513/);
  });

  it('is asked for again where the TPM is busy, but not for ever', () => {
    let busy = 2;
    const { transmit } = tpm({ 350: () => (busy-- > 0 ? refusal(0x922) : answer(sized(key))) });
    expect(unsealKey(transmit, sealedKey)).toEqual(key);
    const { transmit: always, asked } = tpm({ 350: () => refusal(0x922) });
    expect(() => unsealKey(always, sealedKey)).toThrow(/busy/);
    expect(asked.filter((code) => code === 0x15e).length).toBe(5);
  });
});

describe('a key store', () => {
  const random = (octets: number): Uint8Array => new Prng(octets).octets(octets);
  const context = Uint8Array.of(1, 2, 3);
  const store = (transmit: (command: Uint8Array) => Uint8Array, onClose = () => {}) =>
    tpmKeyStore(() => ({ transmit, close: onClose }), random);

  /** A TPM that seals by remembering. */
  function remembering() {
    let kept = new Uint8Array(0);
    return tpm({
      339: (command) => {
        kept = command.slice(10 + 4 + 13 + 6, 10 + 4 + 13 + 6 + 32);
        return answer(joined(sized(sealedKey.privateArea), sized(sealedKey.publicArea)));
      },
      350: () => answer(sized(kept)),
    });
  }

  it('opens what it sealed, and nothing in which an octet was changed or left out', () => {
    let closed = 0;
    const keys = store(remembering().transmit, () => closed++);
    const sealed = keys.seal(Uint8Array.of(7, 8, 9), context);
    if (!sealed.ok) throw new Error(sealed.message);
    expect(keys.open(sealed.value, context)).toEqual({ ok: true, value: Uint8Array.of(7, 8, 9) });
    expect(closed).toBe(2);
    for (let at = 0; at < sealed.value.length; at++) {
      const one = sealed.value.slice();
      one[at] = (one[at] ?? 0) ^ 1;
      expect(keys.open(one, context), `octet ${at}`).toMatchObject({ ok: false, code: 'KEY_STORE' });
      expect(keys.open(sealed.value.subarray(0, at), context)).toMatchObject({ ok: false });
    }
    expect(keys.open(sealed.value, context.subarray(1))).toMatchObject({ ok: false });
  });

  it('without a TPM is a failure that names it', () => {
    const none = tpmKeyStore(() => {
      throw new Error('expected a TPM 2.0 at /dev/tpmrm0: no such file');
    }, random);
    expect(none.seal(Uint8Array.of(1), context)).toMatchObject({
      ok: false,
      message: expect.stringMatching(/TPM 2.0 at/),
    });
  });
});
