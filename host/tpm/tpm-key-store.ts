/**
 * A board's key store that is a TPM 2.0. Each record's credentials have a key of their own, drawn when they are written and sealed
 * by the TPM beside them: no key is used twice, whatever a power cut or older settings that return do to what is on the flash, and
 * nothing has to be kept for it elsewhere.
 *
 * ```
 *  octet 1     2         length      2          length       12      …            16
 *  ┌─────────┬────────┬────────────┬────────┬─────────────┬───────┬────────────┬─────┐
 *  │ form: 1 │ length │ TPMT_PUBLIC│ length │ private area│ nonce │ ciphertext │ tag │
 *  └─────────┴────────┴────────────┴────────┴─────────────┴───────┴────────────┴─────┘
 *   authenticated, with the record's head                  AES-256-GCM
 * ```
 */
import { decrypt, encrypt, writeAnew } from '../flash/encryption.ts';
import type { KeyStore } from '../flash/key-store.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { TpmRefusal } from './command.ts';
import { responseCodes } from './response-code.ts';
import { areaOctetsMax, sealedKeyOctets, sealKey, type Transmit, unsealKey } from './sealed-key.ts';
import { joined, sized, TpmError, u8, WireReader } from './wire.ts';

const form = 1;

/** A TPM for as long as something is done with it. */
export interface TpmConnection {
  readonly transmit: Transmit;
  readonly close: () => void;
}

/**
 * A key store whose keys only the TPM opens that sealed them.
 *
 * @param connect opens the TPM; throws what the device throws, which becomes a failure `KEY_STORE`
 */
export function tpmKeyStore(connect: () => TpmConnection, random: (octets: number) => Uint8Array): KeyStore {
  return {
    name: 'tpm2',
    seal: (plain, context) =>
      attempt(() => {
        const key = random(sealedKeyOctets);
        try {
          const { publicArea, privateArea } = withTpm(connect, (transmit) => sealKey(transmit, key));
          const head = joined(u8(form), sized(publicArea), sized(privateArea));
          return ok(joined(head, encrypt(key, random, plain, joined(head, context))));
        } finally {
          key.fill(0);
        }
      }),
    open: (sealed, context) =>
      attempt(() => {
        const reader = new WireReader(sealed, 'the sealed credentials');
        const found = reader.u8();
        if (found !== form)
          throw new TpmError(`the credentials are sealed in form ${found}, expected form ${form}`);
        const publicArea = reader.sized(areaOctetsMax);
        const privateArea = reader.sized(areaOctetsMax);
        const head = sealed.subarray(0, reader.position);
        const key = withTpm(connect, (transmit) => unsealKey(transmit, { publicArea, privateArea }));
        try {
          return decrypt(key, reader.rest(), joined(head, context));
        } finally {
          key.fill(0);
        }
      }),
  };
}

function withTpm<Value>(connect: () => TpmConnection, work: (transmit: Transmit) => Value): Value {
  const { transmit, close } = connect();
  try {
    return work(transmit);
  } finally {
    close();
  }
}

function attempt(work: () => Result<Uint8Array, 'KEY_STORE'>): Result<Uint8Array, 'KEY_STORE'> {
  try {
    return work();
  } catch (error) {
    const isForeign = error instanceof TpmRefusal && error.code === responseCodes.integrity;
    if (isForeign)
      return fail(
        'KEY_STORE',
        `the credentials were sealed by another TPM, or this one was cleared since, or they were changed. ${writeAnew}`,
      );
    return fail('KEY_STORE', error instanceof Error ? error.message : String(error));
  }
}
