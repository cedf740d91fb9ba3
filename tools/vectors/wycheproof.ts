/**
 * Reads Wycheproof's files (schema v1): which algorithm a file is about, and what its tests' fields mean. A field that is
 * missing or of another form is an error that names the file and the field; nothing is guessed.
 */
import {
  type Expectation,
  octetsOfHex,
  type VectorCase,
  VectorFileError,
  type VectorGroup,
} from './vector-case.ts';

/** Wycheproof's name of an algorithm, and ours in the registry. */
const algorithms: Readonly<Record<string, string>> = {
  'AES-GCM': 'AES-GCM',
  'AES-CCM': 'AES-CCM',
  'AES-CBC-PKCS5': 'AES-CBC',
  'AES-CMAC': 'AES-CMAC',
  'AES-GMAC': 'AES-GMAC',
  'CHACHA20-POLY1305': 'ChaCha20-Poly1305',
  HMACSHA1: 'HMAC-SHA-1',
  HMACSHA256: 'HMAC-SHA-256',
  HMACSHA384: 'HMAC-SHA-384',
  HMACSHA512: 'HMAC-SHA-512',
};

/** An object of the file, and the way to it, for error messages. */
class Place {
  readonly #file: string;
  readonly #path: string;
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(file: string, path: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new VectorFileError(file, path, 'an object', describe(value));
    }
    this.#file = file;
    this.#path = path;
    this.#object = { ...value };
  }

  text(name: string): string {
    const value = this.#object[name];
    return typeof value === 'string' ? value : this.#refuse(name, 'a string');
  }

  number(name: string): number {
    const value = this.#object[name];
    return typeof value === 'number' ? value : this.#refuse(name, 'a number');
  }

  octets(name: string): Uint8Array {
    return octetsOfHex(this.text(name)) ?? this.#refuse(name, 'pairs of hexadecimal digits');
  }

  /** "key 128 bits, tag 96 bits": the sizes that a group says its tests have. */
  sizes(): string {
    const sizes = Object.entries(this.#object).filter(([name]) => name.endsWith('Size'));
    return sizes.map(([name, bits]) => `${name.slice(0, -'Size'.length)} ${bits} bits`).join(', ');
  }

  expectation(): Expectation {
    const result = this.text('result');
    if (result === 'valid' || result === 'invalid' || result === 'acceptable') return result;
    return this.#refuse('result', '"valid", "invalid" or "acceptable"');
  }

  list(name: string): Place[] {
    const value = this.#object[name];
    if (!Array.isArray(value)) return this.#refuse(name, 'a list');
    return value.map((one, index) => new Place(this.#file, `${this.#at(name)}[${index}]`, one));
  }

  /** Throws: `name` is not what was expected. */
  #refuse(name: string, expected: string): never {
    throw new VectorFileError(this.#file, this.#at(name), expected, describe(this.#object[name]));
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);
}

type Reader = (test: Place) => VectorCase;

const readers: Readonly<Record<string, Reader>> = {
  AeadTest: (test) => ({
    ...head(test),
    kind: 'aead',
    key: test.octets('key'),
    nonce: test.octets('iv'),
    aad: test.octets('aad'),
    text: test.octets('msg'),
    sealed: test.octets('ct'),
    icv: test.octets('tag'),
    directions: test.expectation() === 'valid' ? 'both' : 'open',
  }),
  IndCpaTest: (test) => ({
    ...head(test),
    kind: 'block-mode',
    key: test.octets('key'),
    iv: test.octets('iv'),
    text: test.octets('msg'),
    encrypted: test.octets('ct'),
    padding: 'pkcs5',
  }),
  MacTest: (test) => ({
    ...head(test),
    kind: 'mac',
    key: test.octets('key'),
    message: test.octets('msg'),
    mac: test.octets('tag'),
  }),
  MacWithIvTest: (test) => ({
    ...head(test),
    kind: 'nonce-mac',
    key: test.octets('key'),
    nonce: test.octets('iv'),
    message: test.octets('msg'),
    mac: test.octets('tag'),
  }),
};

function head(test: Place) {
  return {
    id: `tcId ${test.number('tcId')}`,
    comment: test.text('comment'),
    expectation: test.expectation(),
  };
}

/**
 * The vectors of a Wycheproof file.
 *
 * @throws VectorFileError
 */
export function readWycheproof(file: string, text: string): VectorGroup[] {
  const root = new Place(file, '', parse(file, text));
  const algorithm = root.text('algorithm');
  const groups = root.list('testGroups').map((group): VectorGroup & { count: number } => {
    const type = group.text('type');
    const tests = group.list('tests');
    const name = group.sizes();
    const reader = readers[type];
    if (reader === undefined || algorithms[algorithm] === undefined) {
      const unsupported =
        reader === undefined ? `no reader for groups of type ${type}` : `no algorithm ${algorithm}`;
      return { name, algorithm, cases: [], count: tests.length, unsupported };
    }
    const cases = tests.map(reader);
    return { name, algorithm: algorithms[algorithm], cases, count: cases.length };
  });
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const told = root.number('numberOfTests');
  if (told !== count) throw new VectorFileError(file, 'numberOfTests', `${count} as counted`, String(told));
  return groups;
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new VectorFileError(file, '', 'JSON', error instanceof Error ? error.message : String(error));
  }
}
