/**
 * node:crypto as it is where the processor has no instructions for AES, GHASH and SHA, and no wide vectors: the same Node in a process of its
 * own in which OpenSSL is told not to see them. It waits while others run, and runs while they wait.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Contestant, Slice } from '../turns.ts';
import type { Row } from './row.ts';
import { packetsPerRun } from './workload.ts';

/** Bits of OPENSSL_ia32cap: AVX (60), AES (57) and PCLMULQDQ (33) off, and the second word none: no AVX2, no SHA, no wider vectors. */
const mask = '~0x1200000200000000:0';
/** Of one message under one cipher object, which tells what OpenSSL does beside what a call costs. */
export const longOctets = 65_536;

export type MaskedText = 'packets' | 'long';
export type MaskedRequest =
  | { readonly kind: 'prepare'; readonly row: Row }
  | { readonly kind: 'slice'; readonly text: MaskedText; readonly milliseconds: number };
/** To 'prepare' a digest of all results, to 'slice' a slice. */
export type MaskedAnswer = { readonly digest: string } | Slice | { readonly error: string };

/** True where `mask` means something. */
export const canMask = process.arch === 'x64' || process.arch === 'ia32';

export class MaskedProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./masked-process.ts', import.meta.url)), {
      env: { ...process.env, OPENSSL_ia32cap: mask },
      execArgv: [],
      stdio: ['ignore', 2, 2, 'ipc'],
    });
  }

  /** Makes ready for a row. Returns SHA-256 of all its results, one behind the other. */
  async prepare(row: Row): Promise<string> {
    const answer = await this.#ask({ kind: 'prepare', row });
    if ('digest' in answer) return answer.digest;
    throw new Error(`expected a digest of the masked process, found ${JSON.stringify(answer)}`);
  }

  /** The row that was made ready, packet by packet or as one long message. */
  contestant(name: string, row: Row, text: MaskedText): Contestant {
    return {
      name,
      octetsPerRun: text === 'long' ? longOctets : row.octets * packetsPerRun(row),
      slice: async (milliseconds) => {
        const answer = await this.#ask({ kind: 'slice', text, milliseconds });
        if ('secondsPerRun' in answer) return answer;
        throw new Error(`expected a slice of the masked process, found ${JSON.stringify(answer)}`);
      },
    };
  }

  end(): void {
    this.#child.kill();
  }

  #ask(request: MaskedRequest): Promise<MaskedAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<MaskedAnswer>();
    const answered = (answer: MaskedAnswer): void => {
      this.#child.off('exit', ended);
      if ('error' in answer) reject(new Error(`the masked process: ${answer.error}`));
      else resolve(answer);
    };
    const ended = (code: number | null): void => {
      this.#child.off('message', answered);
      reject(new Error(`the masked process ended with ${code}`));
    };
    this.#child.once('message', answered);
    this.#child.once('exit', ended);
    this.#child.send(request);
    return promise;
  }
}
