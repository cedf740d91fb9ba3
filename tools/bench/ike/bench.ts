/**
 * `npm run bench -- ike`: handshakes of IKEv2 at the responder, and what a new peer costs a router, each next to strongSwan's charon in
 * the same run. Everything runs as the processes that ship, in network namespaces; nothing of it is a model.
 */
import { existsSync } from 'node:fs';
import { HostError } from '../../../host/model/host-error.ts';
import { charonCommand } from '../../interop/strongswan/arena/charon.ts';
import { extendSearchPath, isOnPath } from '../../lab/privileges.ts';
import { type Bench, type BenchOptions, type BenchOutcome, BenchUsageError } from '../bench.ts';
import { onStage } from '../stage.ts';
import { measureHandshakes } from './handshakes.ts';
import { keyExchanges, newPeerKeyExchanges } from './key-exchanges.ts';
import { measureNewPeers } from './new-peers.ts';
import { renderIkeRows } from './report.ts';

const handshakeName = (name: string): string => `handshakes ${name}`;
const newPeerName = (name: string): string => `new peer ${name}`;

export const ikeBench: Bench = {
  names: [...keyExchanges.map(({ name }) => handshakeName(name)), ...newPeerKeyExchanges.map(newPeerName)],
  async run({ only, seconds, progress }: BenchOptions): Promise<BenchOutcome> {
    const isChosen = (name: string): boolean => only === undefined || only.includes(name);
    const exchanges = keyExchanges.filter(({ name }) => isChosen(handshakeName(name)));
    const peers = newPeerKeyExchanges.filter((name) => isChosen(newPeerName(name)));
    refuseWithoutMeans();
    try {
      const handshakes =
        exchanges.length === 0
          ? []
          : await onStage('bench-ike', progress, (stage) =>
              measureHandshakes(stage, exchanges, seconds, progress),
            );
      const newPeers =
        peers.length === 0
          ? []
          : await onStage('bench-sekisho', progress, (ours) =>
              onStage('bench-strongswan', progress, (theirs) =>
                measureNewPeers(ours, theirs, peers, progress),
              ),
            );
      return { rows: [...handshakes, ...newPeers], text: renderIkeRows(handshakes, newPeers) };
    } catch (error) {
      if (error instanceof HostError) throw new BenchUsageError(error.message);
      throw error;
    }
  },
};

/** Namespaces and priorities take root, and charon Debian's packages. */
function refuseWithoutMeans(): void {
  extendSearchPath();
  if (process.getuid?.() !== 0) throw new BenchUsageError('ike: expected root, for network namespaces');
  const commands = ['ip', 'nsenter', 'unshare', 'setpriv', 'ethtool', 'nft', 'tcpdump', 'ping'];
  const missing = [...commands, 'taskset', 'chrt', 'swanctl'].filter((command) => !isOnPath(command));
  if (!existsSync(charonCommand)) missing.push(charonCommand);
  if (missing.length === 0) return;
  throw new BenchUsageError(`ike: not found: ${missing.join(', ')} (run node tools/setup.mjs interop)`);
}
