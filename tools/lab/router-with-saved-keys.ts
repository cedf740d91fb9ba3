/**
 * A router whose data SAs' keys are written down: `router-with-saved-keys.ts CONFIG DIR`. It is put together from the same
 * parts as host/router/main.ts, with a worker (key-saving-worker.ts) whose packet loop looks at the SAs on their way into
 * the engine. Only the lab starts it, and only for `--save-keys`.
 */
import { describeError, exitCodeOf } from '../../host/cli/exit-code.ts';
import { runRouter } from '../../host/router/main.ts';
import { keyFolderVariable } from './wireshark-keys.ts';

const [config = '', folder = ''] = process.argv.slice(2);
process.env[keyFolderVariable] = folder;
try {
  await runRouter({ config }, new URL('./key-saving-worker.ts', import.meta.url));
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
