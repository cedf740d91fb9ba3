/** Passphrases of signing keys: from a file that nobody else may read, or typed without an echo. Never from the command line, which every user of the machine sees. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { HostError } from '../model/host-error.ts';

const leastLength = 8;

export interface PassphraseOptions {
  readonly passphraseFile?: string;
}

/**
 * A passphrase for the key `file`.
 *
 * @param isNew asks twice, and refuses a short one
 * @returns its octets; the caller wipes them
 * @throws HostError USAGE where there is neither a file nor a terminal, or the two differ
 */
export async function passphraseFor(
  file: string,
  options: PassphraseOptions,
  isNew: boolean,
): Promise<Uint8Array> {
  const passphrase = await (options.passphraseFile === undefined
    ? typed(file, isNew)
    : fromFile(options.passphraseFile));
  if (isNew && passphrase.length < leastLength) {
    passphrase.fill(0);
    throw new HostError('USAGE', `expected a passphrase of at least ${leastLength} octets`);
  }
  return passphrase;
}

/** The first line of a file with mode 600. */
async function fromFile(file: string): Promise<Uint8Array> {
  const { readCredential } = await import('../platform/files.ts');
  const octets = readCredential(file);
  const end = octets.findIndex((octet) => octet === 0x0a || octet === 0x0d);
  const line = Uint8Array.from(end < 0 ? octets : octets.subarray(0, end));
  octets.fill(0);
  return line;
}

async function typed(file: string, isNew: boolean): Promise<Uint8Array> {
  if (!process.stdin.isTTY) {
    throw new HostError(
      'USAGE',
      `${file} has a passphrase: run this on a terminal, or name it with --passphrase-file FILE`,
    );
  }
  const first = await ask(`passphrase for ${file}: `);
  if (isNew && first !== (await ask('the same again: ')))
    throw new HostError('USAGE', 'the two are not the same');
  return new TextEncoder().encode(first);
}

function ask(question: string): Promise<string> {
  process.stderr.write(question);
  // The line editor echoes to its output, so it gets one that shows nothing.
  const silent = new Writable({ write: (_octets, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => {
      lines.close();
      reject(new HostError('USAGE', 'interrupted'));
    });
    lines.question('', (answer) => {
      lines.close();
      process.stderr.write('\n');
      resolve(answer);
    });
  });
}
