/** What `sekisho esp seal` and `open` share: files in, the engine, files out, and the count of what was left out. */
import { openCapture, sealCapture } from './esp-capture.ts';
import { readCapture, readSa, writeCapture } from './esp-files.ts';
import { foundProblem, type OutputOptions, print } from './output.ts';

export interface EspOptions extends OutputOptions {
  readonly sa: string;
  readonly in: string;
  readonly out: string;
}

/** Runs the capture `options.in` through the SA `options.sa` into `options.out`. */
export function runEsp(direction: 'seal' | 'open', options: EspOptions): void {
  const sa = readSa(options.sa);
  const capture = readCapture(options.in);
  const run = direction === 'seal' ? sealCapture : openCapture;
  const { packets, leftOut } = run(sa, capture.packets);
  writeCapture(options.out, capture.nanoseconds, packets);
  const reasons = Object.entries(leftOut).sort(([, a], [, b]) => b - a);
  for (const [reason, count] of reasons) process.stderr.write(`left out ${count}: ${reason}\n`);
  print({ packets: packets.length, leftOut }, options, (result) => {
    const total = reasons.reduce((sum, [, count]) => sum + count, 0);
    return `${result.packets} of ${result.packets + total} packets written to ${options.out}`;
  });
  if (reasons.length > 0) foundProblem();
}
