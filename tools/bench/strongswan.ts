/** strongSwan's charon beside ours, as the interoperability runs start it; it logs what it logs by default, to a file. */
import { mkdirSync } from 'node:fs';
import { HostError } from '../../host/model/host-error.ts';
import { Charon } from '../interop/strongswan/arena/charon.ts';
import type { Stage } from './stage.ts';

const asByDefault = {
  retransmit_timeout: '4.0',
  filelog: { stderr: { default: 1, ike: 1, cfg: 1, flush_line: 'no' } },
};

/**
 * Starts it in a namespace with a configuration in swanctl's form.
 *
 * @param wrapper goes in front of its command
 * @throws HostError
 */
export async function startCharon(
  { place, processes }: Stage,
  namespace: string,
  connections: string,
  wrapper: readonly string[] = [],
): Promise<Charon> {
  const name = `charon-${namespace}`;
  const folder = place.path(name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return await Charon.start({
    processes,
    namespace,
    folder,
    name,
    connections,
    charon: asByDefault,
    wrapper,
  });
}

/** Runs a command of swanctl beside it. Throws HostError with what it said when it fails. */
export async function swanctl(charon: Charon, ...args: readonly string[]): Promise<void> {
  const { ok, text } = await charon.swanctl(...args);
  if (!ok) throw new HostError('PLATFORM', `swanctl ${args.join(' ')} failed: ${text.trim()}`);
}
