/**
 * A router whose data SAs' keys are written down: `router-with-saved-keys.ts CONFIG DIR`. It is put together from the same
 * parts as host/router/main.ts, with a packet loop client that looks at the SAs on their way into the engine. Only the lab
 * starts it, and only for `--save-keys`.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, exitCodeOf } from '../../host/cli/exit-code.ts';
import { LoopClient, type LoopClientOptions } from '../../host/packet-loop/loop-client.ts';
import type { LoopCommand } from '../../host/packet-loop/protocol.ts';
import { runRouter } from '../../host/router/main.ts';
import { wiresharkLine } from './wireshark-keys.ts';

class KeySavingLoopClient extends LoopClient {
  readonly #file: string;

  constructor(options: LoopClientOptions, file: string) {
    super(options);
    this.#file = file;
  }

  override post(command: LoopCommand): void {
    if (command.kind === 'change') {
      for (const { pair } of command.change.install ?? []) {
        // The channel's pair carries keys of other SAs: it stays closed even here.
        if (pair.deliver !== 'network') continue;
        // The inbound SA is the other router's outbound one.
        appendFileSync(this.#file, `${wiresharkLine(pair.outbound)}\n`, { mode: 0o600 });
      }
    }
    super.post(command);
  }
}

const [config = '', folder = ''] = process.argv.slice(2);
try {
  await runRouter({ config }, (options) => new KeySavingLoopClient(options, join(folder, 'esp_sa')));
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
