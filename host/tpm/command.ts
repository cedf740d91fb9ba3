/**
 * Commands and responses of a TPM 2.0 as octets (TPM 2.0 Library, Part 1, section 18). Authorized by an empty password, or not
 * at all: nothing here needs a session.
 */
import { describeCode, plainCode } from './response-code.ts';
import { joined, sized, TpmError, u8, u16, u32, WireReader } from './wire.ts';

/** TPM_ST (Part 2, section 6.9). */
const tags = { noSessions: 0x8001, sessions: 0x8002 } as const;

/** TPM_RS_PW (Part 2, section 7.4): a password, in place of a session. */
const passwordSession = 0x4000_0009;

/** TPM_CC (Part 2, section 6.5.2), with the name that the specification has for it. */
const commandCodes = {
  TPM2_CreatePrimary: 0x131,
  TPM2_Create: 0x153,
  TPM2_Load: 0x157,
  TPM2_Unseal: 0x15e,
  TPM2_FlushContext: 0x165,
} as const;

type CommandName = keyof typeof commandCodes;

export interface Command {
  readonly name: CommandName;
  /** What it is about; authorized with an empty password. Absent for what needs no authorization. */
  readonly authorized?: number;
  readonly parameters: readonly Uint8Array[];
  /** The response names a new object. */
  readonly makesObject?: boolean;
}

export interface Response {
  /** Of the new object; 0 where none is made. */
  readonly handle: number;
  /** A view into the response. */
  readonly parameters: WireReader;
}

/** What a TPM refuses, with the plain code. */
export class TpmRefusal extends TpmError {
  readonly code: number;

  constructor(name: CommandName, code: number) {
    super(`the TPM refuses ${name}: ${describeCode(code)}`);
    this.code = plainCode(code);
  }
}

/** The octets of a command, which the caller wipes where a parameter is secret. */
export function encodeCommand({ name, authorized, parameters }: Command): Uint8Array {
  const isAuthorized = authorized !== undefined;
  const password = joined(u32(passwordSession), sized(), u8(0), sized());
  const body = joined(
    ...(isAuthorized ? [u32(authorized), u32(password.length), password] : []),
    ...parameters,
  );
  const tag = isAuthorized ? tags.sessions : tags.noSessions;
  const command = joined(u16(tag), u32(headOctets + body.length), u32(commandCodes[name]), body);
  body.fill(0);
  return command;
}

const headOctets = 10;

/** TPM_HT_TRANSIENT (Part 2, section 7.2), the first octet of the handle of an object that was made or loaded. */
const transientHandles = 0x80;

/**
 * What a TPM answered. Throws TpmRefusal where it refuses, TpmError where these are not the octets of an answer to `command`.
 *
 * @param octets all that came back; the response is a view of them
 */
export function decodeResponse(
  { name, authorized, makesObject = false }: Command,
  octets: Uint8Array,
): Response {
  const reader = new WireReader(octets, `the TPM's answer to ${name}`);
  const tag = reader.u16();
  const size = reader.u32();
  const code = reader.u32();
  const expected = code === 0 && authorized !== undefined ? tags.sessions : tags.noSessions;
  if (tag !== expected)
    throw new TpmError(`the TPM's answer to ${name}: expected tag ${hex(expected)}, found ${hex(tag)}`);
  if (size !== octets.length)
    throw new TpmError(`the TPM's answer to ${name}: expected ${size} octets, found ${octets.length}`);
  if (code !== 0) {
    reader.end();
    throw new TpmRefusal(name, code);
  }
  const handle = makesObject ? reader.u32() : 0;
  if (makesObject && handle >>> 24 !== transientHandles)
    throw new TpmError(`the TPM's answer to ${name}: expected the handle of an object, found ${hex(handle)}`);
  if (authorized === undefined)
    return { handle, parameters: new WireReader(reader.rest(), `the TPM's answer to ${name}`) };
  const parameters = reader.octets(reader.u32());
  // Of a password: no nonce, attributes, no HMAC (Part 1, section 19.4).
  reader.sized(0);
  reader.u8();
  reader.sized(0);
  reader.end();
  return { handle, parameters: new WireReader(parameters, `the TPM's answer to ${name}`) };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
