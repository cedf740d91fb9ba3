/**
 * `npm test`: builds the firmware, runs everything in test/, and ends with the reasons for what was skipped and with `N passed, N failed, N skipped` alone on the last line. Arguments narrow the run to the test files
 * whose path contains one of them; `--sim`, `--fuzz` and `--lab` are the kinds that have npm scripts of their own.
 *
 * A file that cannot be loaded, an error outside any test, and a run in which no test was found count as failures.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Reporter, startVitest, type TestCase, type TestModule } from 'vitest/node';

/** As test/requirements.ts writes it into the name of a skipped group. */
const skipReason = /\[skipped: (.*?)\]/;

class Tally implements Reporter {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** How many tests were skipped for each reason. */
  readonly reasons = new Map<string, number>();

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    this.failed += errors.length;
    for (const module of modules) {
      if (module.errors().length > 0) this.failed++;
      for (const test of module.children.allTests()) this.count(test);
    }
  }

  private count(test: TestCase): void {
    const result = test.result();
    if (result.state === 'passed') this.passed++;
    else if (result.state === 'failed') this.failed++;
    else {
      this.skipped++;
      const note = result.state === 'skipped' ? result.note : undefined;
      const reason = skipReason.exec(test.fullName)?.[1] ?? note ?? `no reason given: ${test.fullName}`;
      this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
    }
  }
}

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
// Debian keeps ip and nft where an ordinary user's PATH does not look.
process.env.PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

const kinds: Readonly<Record<string, string>> = {
  '--sim': 'test/simulation/',
  '--fuzz': 'test/fuzz/',
  '--lab': 'test/lab/',
  '--qemu': 'test/qemu/',
};
// Each board by its own firmware takes minutes: asked for by name, not with everything.
if (process.argv.includes('--qemu')) process.env.SEKISHO_QEMU = 'long';
const filters = process.argv.slice(2).map((argument) => kinds[argument] ?? argument);

const tally = new Tally();
try {
  execFileSync(process.execPath, ['tools/build-firmware.ts'], { stdio: 'inherit' });
  const vitest = await startVitest('test', filters, {
    watch: false,
    run: true,
    reporters: ['default', tally],
    // Images are built in folders that the tests of QEMU share.
    ...(process.argv.includes('--qemu') ? { fileParallelism: false } : {}),
  });
  await vitest.close();
  if (tally.passed + tally.failed + tally.skipped === 0) {
    throw new Error(`no test was found${filters.length > 0 ? ` for ${filters.join(' ')}` : ''}`);
  }
} catch (error) {
  // The last line stands, whatever happened before it.
  console.log(error instanceof Error ? error.message : error);
  tally.failed++;
}
for (const [reason, count] of tally.reasons) console.log(`skipped ${count}: ${reason}`);
const inCi = process.env.CI === 'true';
if (inCi && tally.skipped > 0) console.log('in CI nothing may be skipped: this run fails');
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exit(tally.failed > 0 || (inCi && tally.skipped > 0) ? 1 : 0);
