/** What the commands of `npm run fuzz` have in common: numbers in options, and a line of progress. */
import { InvalidArgumentError } from 'commander';

/** Seconds between two lines of progress where there is no terminal to overwrite them on. */
const lineEvery = 30;

/** Reads an option that is a whole number. */
export function whole(minimum: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum && Number.isSafeInteger(value)) return value;
    throw new InvalidArgumentError(`expected a whole number from ${minimum}`);
  };
}

/** Says how many there were so far, their rate, and how long the rest will take (`count`: MAX_SAFE_INTEGER for no end). */
export function reporter(what: string, count: number, startedAt: number): (done: number) => void {
  let lastLine = startedAt;
  return (done) => {
    const now = performance.now();
    const terminal = process.stderr.isTTY;
    if (!terminal && now - lastLine < lineEvery * 1000) return;
    lastLine = now;
    const rate = done / ((now - startedAt) / 1000);
    const left =
      count === Number.MAX_SAFE_INTEGER ? '' : `, ${Math.ceil(Math.max(0, count - done) / rate)} s left`;
    process.stderr.write(
      `${terminal ? '\r' : ''}${done} ${what}, ${Math.round(rate)} ${what}/s${left}${terminal ? '   ' : '\n'}`,
    );
  };
}
