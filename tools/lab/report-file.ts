/** Where `--json FILE` leads. */
import { writeFileSync } from 'node:fs';

/** Writes a report as JSON to a file, or for `-` to standard output. */
export function writeReport(file: string, report: object): void {
  const text = `${JSON.stringify(report, undefined, 2)}\n`;
  if (file === '-') process.stdout.write(text);
  else writeFileSync(file, text);
}
