/**
 * The programs of one conversation: strongSwan with a program of the setting protocol beside it, and our server or our
 * router. Starts them in the order in which the responder is there when the initiator calls, starts one anew when a step
 * wants that, and ends them all.
 */
import { randomBytes } from 'node:crypto';
import { innerAddress } from '../../../../host/channel/inner-address.ts';
import { formatAddress } from '../../../../host/model/address.ts';
import type { Place } from '../../../lab/place.ts';
import { nodeCommand, type Processes } from '../../../lab/processes.ts';
import type { Combination } from '../matrix/combination.ts';
import { type Arena, responderAddress } from './arena.ts';
import { Charon, type CharonProcess } from './charon.ts';
import { makeCredentials, type OurCertificate, proofsOf } from './credentials.ts';
import { GuestCharon } from './guest-charon.ts';
import { type OurEndOptions, OurRouter, OurServer, ownHost, routerName, serverName } from './our-end.ts';
import { type ConnectionSettings, swanctlConf } from './settings-text.ts';

/** Where the peer of the router's data SAs is said to be; nobody is there. */
const peerEndpoint = '192.0.2.9';

export interface Stage {
  readonly place: Place;
  readonly processes: Processes;
  /**
   * Name of the arena on this stage, and of the folder of its conversation: two at the same time need different ones. Short,
   * because a Unix socket's path is (unix(7): 107 octets).
   */
  readonly arena: string;
}

export class Ends {
  readonly #stage: Stage;
  readonly #combination: Combination;
  readonly #arena: Arena;
  readonly #key = randomBytes(32).toString('base64url');
  readonly #ppk = randomBytes(32).toString('base64url');
  readonly #running = new Set<CharonProcess>();
  #certificate: OurCertificate | undefined;
  #charon: Charon | undefined;
  #ours: OurServer | OurRouter | undefined;

  constructor(stage: Stage, combination: Combination, arena: Arena) {
    this.#stage = stage;
    this.#combination = combination;
    this.#arena = arena;
  }

  get charon(): Charon {
    if (this.#charon === undefined) throw new Error('strongSwan was not started yet');
    return this.#charon;
  }

  get ours(): OurServer | OurRouter {
    if (this.#ours === undefined) throw new Error('our end was not started yet');
    return this.#ours;
  }

  /** Starts everything. @throws HostError PLATFORM when a program does not start */
  async start(): Promise<void> {
    const arena = this.#arena;
    const { certificates, role } = this.#combination;
    if (certificates !== undefined) this.#certificate = makeCredentials(this.#folder, certificates, role);
    arena.run(arena.strongswan, 'ip', 'address', 'add', `${this.#connection().localInner}/128`, 'dev', 'lo');
    if (role === 'initiator') {
      await this.#startOurs();
      await this.#startCharon();
      return;
    }
    await this.#startCharon();
    await this.#startAnswering();
    arena.run(arena.sekisho, 'ip', 'address', 'add', `${ownHost}/24`, 'dev', 'lo');
    await this.#startOurs();
  }

  /** Ends strongSwan as a power cut would, and starts it again. */
  async restartCharon(): Promise<void> {
    await this.#end(this.charon.process);
    await this.#startCharon();
  }

  /** The same with our end. */
  async restartOurs(): Promise<void> {
    await this.#end(this.ours.process);
    await this.#startOurs();
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((one) => this.#end(one)));
  }

  async #end(process: CharonProcess): Promise<void> {
    process.signal('SIGKILL');
    await process.ended;
    this.#running.delete(process);
  }

  async #startCharon(): Promise<void> {
    const connection = this.#connection();
    const settings = {
      folder: this.#folder,
      connections: swanctlConf(connection),
      charon: this.#combination.charon ?? {},
    };
    const { processes, arena: name } = this.#stage;
    if (this.#combination.strongswanIn === 'guest') {
      const innerAddresses = { own: connection.localInner, other: connection.remoteInner };
      this.#charon = await GuestCharon.boot({ ...settings, arena: this.#arena, innerAddresses });
    } else {
      const namespace = this.#arena.strongswan;
      this.#charon = await Charon.start({ ...settings, processes, namespace, name });
    }
    this.#running.add(this.#charon.process);
  }

  async #startOurs(): Promise<void> {
    const options: OurEndOptions = {
      processes: this.#stage.processes,
      namespace: this.#arena.sekisho,
      folder: this.#folder,
      name: this.#stage.arena,
      preSharedKey: this.#key,
      serverAddress: responderAddress,
      channel: this.#combination.ourChannel,
      certificate: this.#certificate,
      withKey: this.#combination.certificates?.withKey,
      ppk: this.#ourPpk(),
    };
    const isServer = this.#combination.role === 'initiator';
    this.#ours = await (isServer ? OurServer.start(options) : OurRouter.start(options));
    this.#running.add(this.#ours.process);
  }

  /** The setting protocol's server side, beside strongSwan. */
  async #startAnswering(): Promise<void> {
    const program = ['tools/interop/programs/answer-router.ts', routerName, serverName, peerEndpoint];
    const { processes, arena: name } = this.#stage;
    this.#running.add(
      await processes.start(this.#arena.strongswan, `${name}/answer-router`, [nodeCommand, ...program]),
    );
  }

  get #folder(): string {
    return this.#stage.place.path(this.#stage.arena);
  }

  #ourPpk(): OurEndOptions['ppk'] {
    const use = this.#combination.ppk?.ours ?? 'none';
    return use === 'none' ? undefined : { key: this.#ppk, isRequired: use === 'required' };
  }

  #strongswanPpk(): ConnectionSettings['ppk'] {
    const { strongswan: use = 'none', isWrong = false } = this.#combination.ppk ?? {};
    if (use === 'none') return undefined;
    return { key: isWrong ? randomBytes(32) : Buffer.from(this.#ppk), isRequired: use === 'required' };
  }

  #connection(): ConnectionSettings {
    const { role, ike, esp, hasWrongKey, connection } = this.#combination;
    const router = { id: routerName, inner: innerText(routerName), address: this.#arena.initiatorAddress };
    const server = { id: serverName, inner: innerText(serverName), address: responderAddress };
    const [local, remote] = role === 'initiator' ? [router, server] : [server, router];
    const proofs = proofsOf(this.#combination);
    return {
      localAddress: local.address,
      remoteAddress: role === 'initiator' ? remote.address : '%any',
      localId: local.id,
      remoteId: remote.id,
      localInner: local.inner,
      remoteInner: remote.inner,
      ike,
      esp,
      preSharedKey: hasWrongKey ? randomBytes(32) : Buffer.from(this.#key),
      localProof: proofs.local,
      remoteProof: proofs.remote,
      ppk: this.#strongswanPpk(),
      more: connection ?? {},
    };
  }
}

function innerText(name: string): string {
  return formatAddress(innerAddress(name));
}
