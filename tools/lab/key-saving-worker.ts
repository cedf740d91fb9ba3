/** Worker of router-with-saved-keys.ts: as the router's own, but each data SA's keys are written down before they are used. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { PacketLoop } from '../../host/packet-loop/packet-loop.ts';
import type { LoopCommand } from '../../host/packet-loop/protocol.ts';
import { runRouterThread } from '../../host/router/router-thread.ts';
import { keyFolderVariable, wiresharkLine } from './wireshark-keys.ts';

const file = join(process.env[keyFolderVariable] ?? '', 'esp_sa');

class KeySavingLoop extends PacketLoop {
  override obey(command: LoopCommand): void {
    if (command.kind === 'change') {
      for (const { pair } of command.change.install ?? []) {
        // The channel's pair carries keys of other SAs: it stays closed even here.
        if (pair.deliver !== 'network') continue;
        // The inbound SA is the other router's outbound one.
        appendFileSync(file, `${wiresharkLine(pair.outbound)}\n`, { mode: 0o600 });
      }
    }
    super.obey(command);
  }
}

await runRouterThread((options) => new KeySavingLoop(options));
