/**
 * The JSON file that describes one SA for `sekisho esp`. It is checked whole: every field that is wrong is named with what
 * was expected. What the file holds is secret, so no message ever repeats a value of a key, and JSON errors give only
 * their place.
 */
import { z } from 'zod';
import { type Address, parseAddress } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import { type Proposal, parseProposal, proposalFormsOf } from '../model/proposal.ts';
import { Secret } from '../model/secret.ts';
import type { Mode, SaKeys, SaProtocol } from '../model/security-association.ts';
import { textOf } from '../model/selector-text.ts';

export interface SaFile {
  readonly protocol: SaProtocol;
  readonly mode: Mode;
  readonly proposal: Proposal;
  readonly spi: number;
  readonly keys: SaKeys;
  readonly esn: boolean;
  /** First sequence number. */
  readonly sequence: bigint;
  /** Outer addresses; undefined in transport mode. */
  readonly tunnel: { readonly source: Address; readonly destination: Address } | undefined;
  readonly udpEncapsulation: { readonly sourcePort: number; readonly destinationPort: number } | undefined;
}

const hex = z
  .string({ error: 'expected hexadecimal digits' })
  .regex(/^(?:0x)?(?:[0-9a-fA-F]{2})*$/, 'expected pairs of hexadecimal digits')
  .transform((text) => text.replace(/^0x/, ''));

const address = textOf(parseAddress, 'an IPv4 or IPv6 address');

const port = z.int({ error: 'expected a port' }).min(1).max(65535);

const integer = (first: bigint, last: bigint, what: string) =>
  z
    .union([z.int(), z.string().regex(/^(?:0x[0-9a-fA-F]{1,16}|\d{1,20})$/)], {
      error: `expected ${what}, as a number or as "0x…"`,
    })
    .transform(BigInt)
    .refine((value) => value >= first && value <= last, `expected ${what}, from ${first} to ${last}`);

const schema = z.strictObject({
  protocol: z.enum(['esp', 'ah'], { error: 'expected "esp" or "ah"' }).default('esp'),
  mode: z.enum(['tunnel', 'transport'], { error: 'expected "tunnel" or "transport"' }),
  proposal: textOf(parseProposal, 'a proposal'),
  // RFC 4303 section 2.1: 0 to 255 are reserved.
  spi: integer(256n, 0xffff_ffffn, 'an SPI'),
  encryptionKey: hex.default(''),
  authenticationKey: hex.default(''),
  salt: hex.default(''),
  esn: z.boolean({ error: 'expected true or false' }).default(false),
  sequence: integer(1n, 0xffff_ffff_ffff_ffffn, 'the first sequence number').default(1n),
  tunnel: z.strictObject({ source: address, destination: address }).optional(),
  udpEncapsulation: z.strictObject({ sourcePort: port, destinationPort: port }).optional(),
});

/**
 * The SA that `text` describes; the caller owns its keys and wipes them.
 *
 * @throws HostError CONFIG_INVALID with one line for each mistake, naming `file` and the field
 */
export function parseSaFile(text: string, file: string): SaFile {
  const parsed = schema.safeParse(parseJson(text, file));
  if (!parsed.success) {
    throw invalid(
      file,
      parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole file'}: ${issue.message}`),
    );
  }
  const { protocol, mode, proposal, spi, esn, sequence, tunnel, udpEncapsulation } = parsed.data;
  const problems = [
    ...protocolProblems(protocol, proposal, udpEncapsulation !== undefined),
    ...lengthProblem('encryptionKey', parsed.data.encryptionKey, proposal.encryptionKeyOctets, proposal),
    ...lengthProblem(
      'authenticationKey',
      parsed.data.authenticationKey,
      proposal.authenticationKeyOctets,
      proposal,
    ),
    ...lengthProblem('salt', parsed.data.salt, proposal.saltOctets, proposal),
  ];
  if (mode === 'tunnel' && tunnel === undefined) {
    problems.push('tunnel: expected {"source": …, "destination": …}, the outer addresses of tunnel mode');
  }
  if (mode === 'transport' && tunnel !== undefined) {
    problems.push('tunnel: expected nothing, since transport mode keeps the addresses of the packet');
  }
  if (tunnel !== undefined && tunnel.source.family !== tunnel.destination.family) {
    problems.push('tunnel: expected source and destination of one family');
  }
  if (!esn && sequence > 0xffff_ffffn) {
    problems.push('sequence: expected at most 4294967295 without extended sequence numbers ("esn": true)');
  }
  if (problems.length > 0) throw invalid(file, problems);
  const keys = {
    encryptionKey: secretOf(parsed.data.encryptionKey),
    authenticationKey: secretOf(parsed.data.authenticationKey),
    salt: secretOf(parsed.data.salt),
  };
  return { protocol, mode, proposal, spi: Number(spi), keys, esn, sequence, tunnel, udpEncapsulation };
}

/** V8's message quotes the text around the mistake, which may be a key: only its place is passed on. */
function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /\(line \d+ column \d+\)/.exec(String(error))?.[0] ?? '';
    throw new HostError('CONFIG_INVALID', `${file}: expected JSON ${place}`.trimEnd());
  }
}

function protocolProblems(protocol: SaProtocol, proposal: Proposal, isUdp: boolean): string[] {
  return [
    ...(proposal.protocols.includes(protocol)
      ? []
      : [`proposal: expected ${proposalFormsOf[protocol]} with "${protocol}", found ${proposal.keyword}`]),
    ...(protocol === 'ah' && isUdp
      ? ['udpEncapsulation: expected nothing, since UDP carries ESP alone']
      : []),
  ];
}

function lengthProblem(field: string, digits: string, octets: number, proposal: Proposal): string[] {
  const found = digits.length / 2;
  if (found === octets) return [];
  const hint =
    field === 'encryptionKey' && found === octets + proposal.saltOctets
      ? `; the last ${proposal.saltOctets} belong into "salt"`
      : '';
  return [`${field}: expected ${octets} octets for ${proposal.keyword}, found ${found}${hint}`];
}

function secretOf(digits: string): Secret {
  return new Secret(Uint8Array.from(Buffer.from(digits, 'hex')));
}

function invalid(file: string, problems: readonly string[]): HostError {
  return new HostError('CONFIG_INVALID', problems.map((problem) => `${file}: ${problem}`).join('\n'));
}
