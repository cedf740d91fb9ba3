/** `-` in place of a file: what comes on standard input, in a file that nobody else can read and that is gone afterwards. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The absolute path of a settings file; `remove` is to be called when it was read. */
export function settingsFileOf(file: string): { readonly path: string; readonly remove: () => void } {
  if (file !== '-') return { path: resolve(file), remove: () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-settings-')); // mode 0700
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'standard-input.yaml');
    writeFileSync(path, readFileSync(0), { mode: 0o600 });
    return { path, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
