/**
 * Which response file is about which algorithm, and what its names mean: NIST's CAVP files, and files of RFC and SP 800-38B
 * vectors that Debian's python3-cryptography-vectors brings in the same form. A new kind of file is an entry of `kinds`.
 */
import { basename } from 'node:path';
import { type ResponseCase, responseCases } from './response-file.ts';
import { type VectorCase, VectorFileError, type VectorGroup } from './vector-case.ts';

interface Kind {
  /** Of the file's path; mostly of its name, the folder where the name says too little. */
  readonly name: RegExp;
  readonly algorithm: string | ((each: ResponseCase, name: string) => string);
  readonly read: (each: ResponseCase, head: Head, name: string) => VectorCase;
}

interface Head {
  readonly id: string;
  readonly comment: string;
}

const nothing = new Uint8Array(0);

/** A file of which several entries tell is read once for each. */
const kinds: readonly Kind[] = [
  { name: /\/gcm(Encrypt|Decrypt)\w*\.rsp$/, algorithm: 'AES-GCM', read: gcm },
  { name: /\/(DVPT|VADT|VNT|VPT|VTT)\d+\.rsp$/, algorithm: 'AES-CCM', read: ccm },
  { name: /\/CBC(GFSbox|KeySbox|VarKey|VarTxt|MMT)\d+\.rsp$/, algorithm: 'AES-CBC', read: blockMode },
  { name: /\/ECB(GFSbox|KeySbox|VarKey|VarTxt|MMT)\d+\.rsp$/, algorithm: 'AES-ECB', read: blockMode },
  { name: /\/aes-\d+-ctr\.txt$/, algorithm: 'AES-CTR', read: counterMode },
  {
    name: /\/TCBC(invperm|MMT\d|permop|subtab|varkey|vartext)\.rsp$/,
    algorithm: '3DES-CBC',
    read: tripleDes,
  },
  // Known answers of DES: all three keys are one.
  { name: /\/TCBC(invperm|permop|subtab|varkey|vartext)\.rsp$/, algorithm: 'DES-CBC', read: singleDes },
  { name: /\/ChaCha20Poly1305\/openssl\.txt$/, algorithm: 'ChaCha20-Poly1305', read: chachaPoly },
  { name: /\/HMAC\.rsp$/, algorithm: (each) => `HMAC-${hashOfLength(each.number('L'))}`, read: mac },
  { name: /\/rfc-\d+-(md5|sha\d+)\.txt$/, algorithm: (_, name) => `HMAC-${hashOfName(name)}`, read: mac },
  { name: /\/nist-800-38b-aes\d+\.txt$/, algorithm: 'AES-CMAC', read: cmac },
  { name: /\/SHA(1|256|384|512)(Short|Long)Msg\.rsp$/, algorithm: (_, name) => hashOfName(name), read: hash },
  { name: /\/rfc-1321\.txt$/, algorithm: 'MD5', read: hash },
];

/** True for a file that `readResponseFile` knows by its name. */
export function isKnownResponseFile(file: string): boolean {
  return kinds.some((kind) => kind.name.test(rooted(file)));
}

/** With a slash before its first folder, so that patterns can ask for whole names. */
function rooted(file: string): string {
  return `/${file}`;
}

/**
 * The vectors of a response file. One whose name is not known gives one group without cases that says so.
 *
 * @throws VectorFileError
 */
export function readResponseFile(file: string, text: string): VectorGroup[] {
  const name = basename(file);
  const found = kinds.filter((one) => one.name.test(rooted(file)));
  if (found.length === 0) {
    const unsupported = 'no reader for response files of this name';
    return [{ name: name.replace(/\.\w+$/, ''), algorithm: '', cases: [], unsupported }];
  }
  const cases = responseCases(file, text);
  if (cases.length === 0) throw new VectorFileError(file, '', 'at least one case', 'none');
  return found.flatMap((kind) => groupsOf(kind, cases, name));
}

function groupsOf(kind: Kind, cases: readonly ResponseCase[], name: string): VectorGroup[] {
  const groups = new Map<string, { name: string; algorithm: string; cases: VectorCase[] }>();
  for (const each of cases) {
    const algorithm = typeof kind.algorithm === 'string' ? kind.algorithm : kind.algorithm(each, name);
    const key = `${algorithm} ${each.section}`;
    const group = groups.get(key) ?? { name: each.section, algorithm, cases: [] };
    groups.set(key, group);
    const count = each.get('COUNT');
    const head = {
      id: `line ${each.line}`,
      comment: [each.section, count === undefined ? '' : `count ${count}`].filter(Boolean).join(', '),
    };
    group.cases.push(kind.read(each, head, name));
  }
  return [...groups.values()];
}

function gcm(each: ResponseCase, head: Head, name: string): VectorCase {
  const opens = name.startsWith('gcmDecrypt');
  const refused = each.has('FAIL');
  return {
    ...head,
    kind: 'aead',
    expectation: refused ? 'invalid' : 'valid',
    key: each.octets('KEY'),
    nonce: each.octets('IV'),
    aad: each.octets('AAD'),
    text: refused ? undefined : each.octets('PT'),
    sealed: each.octets('CT'),
    icv: each.octets('TAG'),
    directions: opens ? 'open' : 'seal',
  };
}

/** CCMVS: an empty field stands as one octet of zero beside its length; the ICV is the end of CT. */
function ccm(each: ResponseCase, head: Head): VectorCase {
  const result = each.get('RESULT');
  const refused = result?.startsWith('Fail') ?? false;
  const icvLength = each.number('TLEN');
  const both = each.octets('CT');
  const textLength = both.length - icvLength;
  return {
    ...head,
    kind: 'aead',
    expectation: refused ? 'invalid' : 'valid',
    key: each.octets('KEY'),
    nonce: each.octets('NONCE'),
    aad: each.octets('ADATA').subarray(0, each.number('ALEN')),
    text: refused ? undefined : each.octets('PAYLOAD').subarray(0, each.number('PLEN')),
    sealed: both.subarray(0, textLength),
    icv: both.subarray(textLength),
    directions: result === undefined ? 'both' : 'open',
  };
}

function chachaPoly(each: ResponseCase, head: Head): VectorCase {
  const refused = each.has('RESULT');
  return {
    ...head,
    kind: 'aead',
    expectation: refused ? 'invalid' : 'valid',
    key: each.octets('KEY'),
    nonce: each.octets('IV'),
    aad: each.octets('AAD'),
    text: refused ? undefined : each.octets('PLAINTEXT'),
    sealed: each.octets('CIPHERTEXT'),
    icv: each.octets('TAG'),
    directions: refused ? 'open' : 'both',
  };
}

function blockMode(each: ResponseCase, head: Head): VectorCase {
  const iv = each.has('IV') ? each.octets('IV') : nothing;
  return encryption(each, head, each.octets('KEY'), iv);
}

function encryption(each: ResponseCase, head: Head, key: Uint8Array, iv: Uint8Array): VectorCase {
  return {
    ...head,
    kind: 'block-mode',
    expectation: 'valid',
    key,
    iv,
    text: each.octets('PLAINTEXT'),
    encrypted: each.octets('CIPHERTEXT'),
    padding: 'none',
  };
}

/** IV is the first counter block. ESP's ends with the number 1, which the firmware adds (RFC 3686 section 4); another stays whole. */
function counterMode(each: ResponseCase, head: Head): VectorCase {
  const block = each.octets('IV');
  const ofEsp = Buffer.from(block.subarray(12)).toString('hex') === '00000001';
  return encryption(each, head, each.octets('KEY'), ofEsp ? block.subarray(0, 12) : block);
}

/** TMOVS: three keys by number, or `KEYs` for three that are the same. */
function tripleDes(each: ResponseCase, head: Head): VectorCase {
  const keys = each.has('KEYS') ? ['KEYS', 'KEYS', 'KEYS'] : ['KEY1', 'KEY2', 'KEY3'];
  const key = Buffer.concat(keys.map((name) => each.octets(name)));
  return encryption(each, head, key, each.octets('IV'));
}

function singleDes(each: ResponseCase, head: Head): VectorCase {
  return encryption(each, head, each.octets('KEYS'), each.octets('IV'));
}

function mac(each: ResponseCase, head: Head): VectorCase {
  return {
    ...head,
    kind: 'mac',
    expectation: 'valid',
    key: each.octets('KEY'),
    message: each.octets('MSG'),
    mac: each.octets(each.has('MAC') ? 'MAC' : 'MD'),
  };
}

function cmac(each: ResponseCase, head: Head): VectorCase {
  return {
    ...head,
    kind: 'mac',
    expectation: 'valid',
    key: each.octets('KEY'),
    message: each.octets('MESSAGE'),
    mac: each.octets('OUTPUT'),
  };
}

/** SHAVS: the empty message stands as one octet of zero beside Len = 0. */
function hash(each: ResponseCase, head: Head): VectorCase {
  return {
    ...head,
    kind: 'hash',
    expectation: 'valid',
    message: each.octets('MSG').subarray(0, each.number('LEN') / 8),
    digest: each.octets('MD'),
  };
}

function hashOfLength(octets: number): string {
  return octets === 20 ? 'SHA-1' : `SHA-${octets * 8}`;
}

/** "SHA256ShortMsg.rsp", "rfc-4231-sha256.txt", "rfc-2202-md5.txt". */
function hashOfName(name: string): string {
  const bits = /sha(\d+)/i.exec(name)?.[1];
  return bits === undefined ? 'MD5' : `SHA-${bits}`;
}
