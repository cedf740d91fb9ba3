/**
 * The setting server in the simulated world: the shipped request processing over a store that keeps what it was told before
 * anything sent later leaves. It can be killed between any two actions, and starts again from its rows.
 */
import { decodeServerMessage, encodeMessage, wipeMessage } from '../../host/messages/codec.ts';
import type { Distribution, RouterMessage, ServerMessage } from '../../host/messages/message.ts';
import { Secret } from '../../host/model/secret.ts';
import type { PolicySet } from '../../host/server/distribution-policies/policy-set.ts';
import type { StoredEntry } from '../../host/server/management-table/entry.ts';
import type {
  RequestAction,
  RequestEvent,
  StoredRouter,
} from '../../host/server/request-processing/events.ts';
import { RequestProcessing } from '../../host/server/request-processing/request-processing.ts';
import type { ServerMachine } from './plant.ts';
import type { World } from './world.ts';

/** Between the boot-time clock of the simulation and its wall clock. */
const wallClockOffsetMs = 1_700_000_000_000;

export class ServerNode {
  machine: ServerMachine | undefined;
  policies: PolicySet;
  /** Router to the number of its channel, as the server knows them. */
  readonly channels = new Map<string, number>();
  actionsToLive = Number.POSITIVE_INFINITY;
  startedAt = 0;
  readonly #world: World;
  readonly #rows = new Map<string, StoredEntry>();
  readonly #routers = new Map<string, StoredRouter>();
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(world: World, policies: PolicySet) {
    this.#world = world;
    this.policies = policies;
  }

  start(): void {
    this.#world.trace('server', 'starts');
    this.startedAt = this.#world.now;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const machine = this.#world.plantServer(
      new RequestProcessing({
        policies: this.policies,
        random: (octets) => this.#world.prng.octets(octets),
        utcMsAt: (instant) => instant + wallClockOffsetMs,
        entries: [...this.#rows.values()],
        routers: [...this.#routers.values()],
      }),
    );
    this.machine = machine;
    this.#carryOut(machine.start(this.#world.now), machine);
    this.#plan();
  }

  die(): void {
    if (this.machine === undefined) return;
    this.#world.trace('server', 'dies');
    this.machine = undefined;
    this.actionsToLive = Number.POSITIVE_INFINITY;
    this.channels.clear();
    this.#world.witness.serverDies();
  }

  replacePolicies(policies: PolicySet): void {
    this.policies = policies;
    this.tell({ kind: 'policies', policies });
  }

  tell(event: RequestEvent): void {
    const { machine } = this;
    if (machine === undefined) return;
    this.#carryOut(machine.handle(event, this.#world.now), machine);
    if (this.machine !== machine) return;
    this.#check(machine);
    this.#plan();
  }

  receive(router: string, message: RouterMessage): void {
    this.tell({ kind: 'message', router, message });
  }

  #check(machine: ServerMachine): void {
    const waiting: string[] = [];
    for (const { state, kind, lane, routers, selectors } of machine.table(this.#world.now)) {
      if (state !== 'half-empty') continue;
      const names = routers.map(({ router }) => router).sort();
      // The same whichever router's view it is.
      const canonical = selectors.map((selector) =>
        selector
          .split(/ <-> | /)
          .sort()
          .join(' '),
      );
      waiting.push(`${names.join(' ')} ${kind} lane ${lane} ${canonical.join()}`);
    }
    this.#world.witness.waits(waiting);
  }

  #carryOut(actions: readonly RequestAction[], machine: ServerMachine): void {
    for (const action of actions) {
      if (this.machine !== machine) return;
      this.actionsToLive -= 1;
      if (this.actionsToLive <= 0) {
        this.#world.killServer();
        return;
      }
      switch (action.kind) {
        case 'store':
          for (const row of action.put) this.#rows.set(row.key, row);
          for (const key of action.remove) this.#rows.delete(key);
          for (const router of action.routers) this.#routers.set(router.name, router);
          break;
        case 'send':
          this.#send(action.router, action.message);
          break;
        case 'audit':
          if (this.#world.isTracing) {
            this.#world.trace(
              'server',
              `${action.what} ${action.router} ${action.peer} ${action.kindName} ${action.detail}`,
            );
          }
          break;
      }
    }
  }

  #send(router: string, message: ServerMessage): void {
    this.#world.witness.serverSends(message);
    const channel = this.channels.get(router);
    if (channel !== undefined) this.#world.toRouter(router, channel, this.#copies(message), message);
    wipeMessage(message);
  }

  /** Makes a copy for each arrival: what a datagram would hold. */
  #copies(message: ServerMessage): () => ServerMessage {
    if (this.#world.scenario.usesCodec) {
      const datagram = encodeMessage(message);
      return () => {
        const decoded = decodeServerMessage(Uint8Array.from(datagram));
        if (!decoded.ok) throw new Error(`${message.type} does not decode: ${decoded.message}`);
        return decoded.value;
      };
    }
    if (message.type !== 'distribution') return () => message;
    const kept = copyDistribution(message);
    return () => copyDistribution(kept);
  }

  #plan(): void {
    const next = this.machine?.nextDeadline();
    if (next === undefined || next >= this.#wakeAt) return;
    this.#wakeAt = next;
    const { machine } = this;
    this.#world.agenda.at(next, () => {
      if (this.machine !== machine || machine === undefined || this.#world.now < this.#wakeAt) return;
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.tell({ kind: 'deadline' });
    });
  }
}

function copyDistribution(message: Distribution): Distribution {
  const copy = (secret: Secret) => new Secret(secret.reveal().slice());
  const copySa = (sa: Distribution['inbound']): Distribution['inbound'] => ({
    spi: sa.spi,
    encryptionKey: copy(sa.encryptionKey),
    authenticationKey: copy(sa.authenticationKey),
    salt: copy(sa.salt),
  });
  return { ...message, inbound: copySa(message.inbound), outbound: copySa(message.outbound) };
}
