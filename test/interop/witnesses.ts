/**
 * The strangers that tests compare us with: Scapy, through scapy_esp.py and scapy_ah.py, and tshark. One process of theirs serves a whole
 * test, because starting one costs as much as a thousand packets.
 */
import { execFileSync } from 'node:child_process';
import { scapyPython } from '../requirements.ts';

/** The JSON of `sekisho esp`. */
export interface SaJson {
  readonly protocol: 'esp' | 'ah';
  readonly mode: 'tunnel' | 'transport';
  readonly proposal: string;
  readonly spi: string;
  readonly encryptionKey: string;
  readonly authenticationKey?: string;
  readonly salt?: string;
  readonly esn: boolean;
  readonly sequence: string;
  readonly tunnel?: { readonly source: string; readonly destination: string };
  readonly udpEncapsulation?: { readonly sourcePort: number; readonly destinationPort: number };
}

export type ScapyJob =
  | {
      readonly do: 'plain';
      readonly out: string;
      readonly family: 4 | 6;
      readonly count: number;
      readonly seed: number;
      /** With IPv6 routing headers (scapy_ah.py alone). */
      readonly routing?: boolean;
    }
  | { readonly do: 'seal' | 'open'; readonly sa: SaJson; readonly in: string; readonly out: string };

/** Lets Scapy do the jobs in order; each result is the number of packets that it wrote. */
export function scapy(jobs: readonly ScapyJob[], program = './scapy_esp.py'): number[] {
  const script = new URL(program, import.meta.url).pathname;
  const text = execFileSync(scapyPython() ?? 'python3', [script], {
    input: JSON.stringify(jobs),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  return JSON.parse(text);
}

const tsharkEncryption: Readonly<Record<string, string>> = {
  gcm16: 'AES-GCM with 16 octet ICV [RFC4106]',
  gcm12: 'AES-GCM with 12 octet ICV [RFC4106]',
  gcm8: 'AES-GCM with 8 octet ICV [RFC4106]',
  ctr: 'AES-CTR [RFC3686]',
  '': 'AES-CBC [RFC3602]',
  '3des': 'TripleDES-CBC [RFC2451]',
  des: 'DES-CBC [RFC2405]',
  null: 'NULL',
};

const tsharkAuthentication: Readonly<Record<string, string>> = {
  sha1: 'HMAC-SHA-1-96 [RFC2404]',
  sha256: 'HMAC-SHA-256-128 [RFC4868]',
  sha384: 'HMAC-SHA-384-192 [RFC4868]',
  sha512: 'HMAC-SHA-512-256 [RFC4868]',
  md5: 'HMAC-MD5-96 [RFC2403]',
};

/** What tshark calls the algorithms of a proposal; undefined for what it does not know. */
function tsharkNames(
  proposal: string,
): { readonly encryption: string; readonly authentication: string } | undefined {
  const [name = '', integrity] = proposal.split('-');
  const encryption = tsharkEncryption[name.replace(/^aes\d{3}/, '')];
  const authentication = integrity === undefined ? 'NULL' : tsharkAuthentication[integrity];
  return encryption === undefined || authentication === undefined
    ? undefined
    : { encryption, authentication };
}

/** tshark 4.0 has no ChaCha20-Poly1305, CCM or GMAC in ESP, and no CMAC. */
export function tsharkKnows(proposal: string): boolean {
  return tsharkNames(proposal) !== undefined;
}

/**
 * What tshark sees in a capture with the SA's keys: for each packet the values of `fields`, as `-T fields` prints them.
 * It knows no extended sequence numbers.
 */
export function tshark(path: string, sa: SaJson, fields: readonly string[]): string[][] {
  const names = tsharkNames(sa.proposal);
  if (names === undefined) throw new RangeError(`tshark does not know ${sa.proposal}`);
  const row = [
    sa.spi,
    names.encryption,
    `0x${sa.encryptionKey}${sa.salt ?? ''}`,
    names.authentication,
    sa.authenticationKey === undefined ? '' : `0x${sa.authenticationKey}`,
  ];
  const quoted = row.map((cell) => `"${cell}"`).join(',');
  const preferences = [
    'esp.enable_encryption_decode:TRUE',
    'esp.enable_authentication_check:TRUE',
    ...['IPv4', 'IPv6'].map((family) => `uat:esp_sa:"${family}","*","*",${quoted}`),
  ];
  const text = execFileSync(
    'tshark',
    [
      ...['-r', path, '-n', '-T', 'fields', '-E', 'separator=|'],
      ...preferences.flatMap((one) => ['-o', one]),
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 },
  );
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('|'));
}
