/**
 * A key that a TPM keeps: sealed under its storage key it can lie anywhere, and only the TPM that sealed it gives it back (TPM 2.0
 * Library, Part 1, section 27; commands in Part 3).
 *
 * The storage key is made anew each time, always the same one: a TPM derives it from the seed of its owner hierarchy and the
 * template below. So nothing is written into the TPM, and clearing it (TPM2_Clear) makes all that was sealed unreadable.
 */
import { type Command, decodeResponse, encodeCommand, type Response, TpmRefusal } from './command.ts';
import { responseCodes } from './response-code.ts';
import { joined, sized, TpmError, u16, u32 } from './wire.ts';

/** Sends a command to the TPM and returns the whole answer. Throws what the device throws. */
export type Transmit = (command: Uint8Array) => Uint8Array;

/** What the TPM gives back when it seals, as it wants it again. Neither is secret. */
export interface SealedKey {
  /** Content of a TPM2B_PUBLIC. */
  readonly publicArea: Uint8Array;
  /** Content of a TPM2B_PRIVATE: encrypted and authenticated by the TPM. */
  readonly privateArea: Uint8Array;
}

export const sealedKeyOctets = 32;
/** Both areas of a sealed key of 32 octets have less than 200. */
export const areaOctetsMax = 512;

/** TPM_ALG_ID (Part 2, section 6.3) and TPM_ECC_CURVE (section 6.4). */
const algorithms = {
  aes: u16(0x0006),
  keyedHash: u16(0x0008),
  sha256: u16(0x000b),
  null: u16(0x0010),
  ecc: u16(0x0023),
  cfb: u16(0x0043),
} as const;
const curveP256 = u16(0x0003);

/** TPMA_OBJECT (Part 2, section 8.3). */
const attributes = {
  fixedTpm: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  userWithAuth: 1 << 6,
  /** Passwords that somebody else tries lock nothing of ours. */
  noDa: 1 << 10,
  restricted: 1 << 16,
  decrypt: 1 << 17,
} as const;

/** TPM_RH_OWNER (Part 2, section 7.4). */
const ownerHierarchy = 0x4000_0001;

const nothing = sized();

/** TPM2B_PUBLIC of the storage key: P-256, which each TPM of a PC has, and AES-128 for what is below it. */
const storageKey = sized(
  algorithms.ecc,
  algorithms.sha256,
  u32(
    attributes.fixedTpm |
      attributes.fixedParent |
      attributes.sensitiveDataOrigin |
      attributes.userWithAuth |
      attributes.noDa |
      attributes.restricted |
      attributes.decrypt,
  ),
  nothing, // no policy
  ...[algorithms.aes, u16(128), algorithms.cfb],
  algorithms.null, // no scheme
  curveP256,
  algorithms.null, // no KDF
  ...[nothing, nothing], // unique: x, y
);

/** TPM2B_PUBLIC of what is sealed: data, which the TPM has not made itself and does not let go elsewhere. */
const sealedData = sized(
  algorithms.keyedHash,
  algorithms.sha256,
  u32(attributes.fixedTpm | attributes.fixedParent | attributes.userWithAuth | attributes.noDa),
  nothing,
  algorithms.null,
  nothing,
);

/** Behind a template: outsideInfo, and creationPCR with no PCR. */
const creationParameters = [nothing, u32(0)];

/**
 * Has the TPM seal a key.
 *
 * @param key 32 octets, borrowed during the call
 * @throws TpmError, and what `transmit` throws
 */
export function sealKey(transmit: Transmit, key: Uint8Array): SealedKey {
  if (key.length !== sealedKeyOctets)
    throw new RangeError(`expected a key of ${sealedKeyOctets} octets, found ${key.length}`);
  return withStorageKey(transmit, (parent) => {
    const sensitive = sensitiveCreate(key);
    try {
      return ask(
        transmit,
        {
          name: 'TPM2_Create',
          authorized: parent,
          parameters: [sensitive, sealedData, ...creationParameters],
        },
        ({ parameters }) => {
          const privateArea = parameters.sized(areaOctetsMax).slice();
          const publicArea = parameters.sized(areaOctetsMax).slice();
          return { publicArea, privateArea };
        },
      );
    } finally {
      sensitive.fill(0);
    }
  });
}

/**
 * The key again, which the caller wipes.
 *
 * @throws TpmRefusal with code `integrity` where another TPM sealed it, or it was changed; TpmError; what `transmit` throws
 */
export function unsealKey(transmit: Transmit, { publicArea, privateArea }: SealedKey): Uint8Array {
  let unsealed: Uint8Array | undefined;
  try {
    return withStorageKey(transmit, (parent) =>
      withObject(
        transmit,
        {
          name: 'TPM2_Load',
          authorized: parent,
          parameters: [sized(privateArea), sized(publicArea)],
          makesObject: true,
        },
        (object) =>
          ask(transmit, { name: 'TPM2_Unseal', authorized: object, parameters: [] }, ({ parameters }) => {
            const key = parameters.sized(areaOctetsMax);
            parameters.end();
            if (key.length !== sealedKeyOctets)
              throw new TpmError(`expected a sealed key of ${sealedKeyOctets} octets, found ${key.length}`);
            unsealed = key.slice();
            return unsealed;
          }),
      ),
    );
  } catch (error) {
    // Nobody gets it where an object could not be flushed.
    unsealed?.fill(0);
    throw error;
  }
}

/** TPM2B_SENSITIVE_CREATE: an empty password, and data. */
function sensitiveCreate(data: Uint8Array): Uint8Array {
  const content = joined(nothing, u16(data.length), data);
  const whole = sized(content);
  content.fill(0);
  return whole;
}

function withStorageKey<Value>(transmit: Transmit, work: (handle: number) => Value): Value {
  return withObject(
    transmit,
    {
      name: 'TPM2_CreatePrimary',
      authorized: ownerHierarchy,
      parameters: [sensitiveCreate(new Uint8Array(0)), storageKey, ...creationParameters],
      makesObject: true,
    },
    work,
  );
}

/** Makes an object, works with it, and takes it out of the TPM again: a TPM has room for three. */
function withObject<Value>(transmit: Transmit, making: Command, work: (handle: number) => Value): Value {
  const object = ask(transmit, making, ({ handle }) => handle);
  let done: Value;
  try {
    done = work(object);
  } catch (error) {
    // What went wrong first is what is to be said.
    try {
      flush(transmit, object);
    } catch {}
    throw error;
  }
  flush(transmit, object);
  return done;
}

function flush(transmit: Transmit, object: number): void {
  ask(transmit, { name: 'TPM2_FlushContext', parameters: [u32(object)] }, ({ parameters }) =>
    parameters.end(),
  );
}

/**
 * A TPM that had something else to do first, such as writing down that it was used, wants the command again (Part 2, section 6.6.3,
 * TPM_RC_RETRY). Once is usual.
 */
const triesMax = 5;

/** Sends a command and reads the answer; the octets of both are overwritten, since some of them hold the key. */
function ask<Value>(transmit: Transmit, command: Command, read: (response: Response) => Value): Value {
  const octets = encodeCommand(command);
  try {
    for (let tries = 1; ; tries++) {
      const answer = transmit(octets);
      try {
        return read(decodeResponse(command, answer));
      } catch (error) {
        const isBusy = error instanceof TpmRefusal && error.code === responseCodes.retry;
        if (!isBusy || tries === triesMax) throw error;
      } finally {
        answer.fill(0);
      }
    }
  } finally {
    octets.fill(0);
  }
}
