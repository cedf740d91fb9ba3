/**
 * A guest's serial line: what it has printed, and waiting for something in it. Every wait has an end, because a guest that
 * boots in a loop never falls silent.
 */
import type { Duplex } from 'node:stream';
import { HostError } from '../../host/model/host-error.ts';

/** Of a guest that prints without end, the latest. */
const keptCharacters = 1 << 20;

/** Shown of a line that did not say what was waited for. */
const shownCharacters = 2000;

export class SerialLine {
  readonly #what: string;
  readonly #stream: Duplex;
  #text = '';
  /** What was matched before is not matched again. */
  #unread = 0;
  #onText: (() => void) | undefined;
  #isClosed = false;

  /** @param what names the line in errors */
  constructor(what: string, stream: Duplex) {
    this.#what = what;
    this.#stream = stream;
    stream.on('data', (octets: Buffer) => this.#append(octets.toString('latin1')));
    stream.on('error', () => this.#close());
    stream.on('close', () => this.#close());
  }

  /** Everything that the guest printed, the latest million characters of it. */
  get text(): string {
    return this.#text;
  }

  write(text: string): void {
    this.#stream.write(text);
  }

  /** What was printed until now is not matched any more. */
  skip(): void {
    this.#unread = this.#text.length;
  }

  /**
   * The first match in what was printed since the last wait, as soon as it is there.
   *
   * @throws HostError PLATFORM with the end of the output when it does not come, or the guest ends before
   */
  async waitFor(pattern: RegExp, withinMs: number): Promise<RegExpExecArray> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const match = pattern.exec(this.#text.slice(this.#unread));
      if (match !== null) {
        this.#unread += match.index + match[0].length;
        return match;
      }
      const leftMs = deadline - Date.now();
      if (leftMs <= 0 || this.#isClosed) {
        const why = this.#isClosed ? 'before the guest ended' : `within ${withinMs / 1000} s`;
        const end = this.#text.slice(-shownCharacters);
        throw new HostError('PLATFORM', `${this.#what}: expected ${pattern} ${why}, found:\n${end}`);
      }
      await this.#moreText(leftMs);
    }
  }

  #moreText(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onText = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #append(text: string): void {
    this.#text += text;
    const surplus = this.#text.length - keptCharacters;
    if (surplus > 0) {
      this.#text = this.#text.slice(surplus);
      this.#unread = Math.max(0, this.#unread - surplus);
    }
    this.#onText?.();
  }

  #close(): void {
    this.#isClosed = true;
    this.#onText?.();
  }
}
