/** A router of a rehearsal: the shipped one, over queues in place of a machine. */
import type { Endpoint } from '../model/address.ts';
import { sharedKey } from '../model/credentials.ts';
import type { Instant } from '../model/instant.ts';
import { Secret } from '../model/secret.ts';
import { PacketLoop } from '../packet-loop/packet-loop.ts';
import { RouterCore } from '../router/core.ts';
import type { RouterSettings } from '../router/settings-file.ts';
import { MemoryInterface } from './memory-interface.ts';
import type { Stage } from './stage.ts';

const capacities = {
  packetSlots: 16,
  bundles: 8,
  heldPackets: 8,
  spdRows: 64,
  spdEntries: 16,
  bindingRows: 512,
};
const pathMtuOctets = 1500;

export class RehearsedRouter {
  readonly local: Endpoint;
  readonly kernel: MemoryInterface;
  readonly #core: RouterCore;

  /** `here` is in the settings too; `here6` is there for the loop's IPv6 socket alone. */
  constructor(stage: Stage, typed: RouterSettings, here: Endpoint, here6: Endpoint) {
    const { random, now } = stage;
    // Cloned, as everything is that a worker is started with: clones are not the objects, to V8, that they were made from.
    const { settings, local, local6 } = structuredClone({ settings: typed, local: here, local6: here6 });
    const { saPairs } = settings.capacity;
    this.local = local;
    let kernel: MemoryInterface | undefined;
    this.#core = new RouterCore({
      settings,
      software: '',
      local,
      credentials: sharedKey(new Secret(stage.preSharedKey.slice())),
      utcAtLeast: (instant) => instant,
      random,
      now,
      log: () => {},
      openLoop: () =>
        new PacketLoop({
          icmpSources: [local.address],
          unansweredSeconds: settings.unansweredSeconds,
          engine: { random, pathMtuOctets, capacities: { ...capacities, saPairs } },
          openInterface: (memory) => {
            kernel = new MemoryInterface(memory, local.address, local6.address);
            return kernel;
          },
        }),
      onReopened: () => {},
    });
    if (kernel === undefined) throw new Error('the packet loop opens its interface at once');
    this.kernel = kernel;
  }

  start(): void {
    this.#core.start();
  }

  /** Does what waits. Returns how much there was. */
  run(now: Instant): number {
    this.kernel.nowMs = now;
    return this.#core.run();
  }

  close(): void {
    this.#core.close();
  }
}
