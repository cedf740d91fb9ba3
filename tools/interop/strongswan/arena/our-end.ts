/**
 * Our end of a conversation: the real server or the real router, a process of the `sekisho` command with a settings file of
 * its own, and what it says of itself over its control socket.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { tell } from '../../../../host/cli/control-client.ts';
import type { RekeyWhat } from '../../../../host/model/rekey-order.ts';
import type { ChannelRekeyings } from '../../../../host/model/status.ts';
import { orderRekeying, readEvents, readRouterStatus, readServerStatus } from '../../../lab/control.ts';
import { describeEnd, type LabProcess, nodeCommand, type Processes } from '../../../lab/processes.ts';
import { Disagreement } from '../matrix/combination.ts';
import type { OurCertificate } from './credentials.ts';
import { ppkName } from './settings-text.ts';

/** Whom the server knows, and who it is. The first one talks; the other is whom it asks for. */
export const routerName = 'tokyo';
export const peerName = 'osaka';
export const serverName = 'server';

export const networks = { [routerName]: '10.1.0.0/24', [peerName]: '10.2.0.0/24' } as const;

/** A host behind the router that talks, and the one that it wants to reach. */
export const ownHost = '10.1.0.1';
export const peerHost = '10.2.0.1';

/** The SPD entry of the router. */
export const entryName = 'to-osaka';

export interface OurEndOptions {
  readonly processes: Processes;
  readonly namespace: string;
  /** Absolute; gets the settings and the control socket. */
  readonly folder: string;
  /** Folder within the processes' place, for the log. */
  readonly name: string;
  readonly preSharedKey: string;
  readonly serverAddress: string;
  /** The settings' section of that name; undefined leaves it out. */
  readonly channel: object | undefined;
  /** Undefined: both ends prove the pre-shared key. */
  readonly certificate: OurCertificate | undefined;
  /** The one end that proves the pre-shared key beside a certificate of the other. */
  readonly withKey: 'router' | 'server' | undefined;
  /** A post-quantum pre-shared key, as the file with it holds it. */
  readonly ppk: { readonly key: string; readonly isRequired: boolean } | undefined;
}

abstract class OurEnd {
  abstract readonly what: 'server' | 'router';
  readonly process: LabProcess;
  readonly socket: string;

  constructor(process: LabProcess, socket: string) {
    this.process = process;
    this.socket = socket;
  }

  /** True when it says that the channel is up; false also while it does not answer yet. */
  abstract isUp(): Promise<boolean>;

  abstract status(): Promise<unknown>;

  /** True as soon as its control socket answers. */
  answers(): Promise<boolean> {
    return this.status().then(
      () => true,
      () => false,
    );
  }

  /** How many times it said that a channel went down. */
  async losses(): Promise<number> {
    return (await readEvents(this.socket)).filter(({ what }) => what === 'channel down').length;
  }

  /** Of the channel's SAs, as status has them; null without a channel. */
  abstract rekeyings(): Promise<ChannelRekeyings | null>;

  /** Rekeys one of the channel's SAs now. @throws HostError PLATFORM when it refuses */
  rekey(what: RekeyWhat): Promise<void> {
    return orderRekeying(this.socket, { what, router: routerName });
  }

  /** Algorithms that the channel has settled on, as status has them. */
  abstract algorithms(): Promise<string>;

  /** What it tells of refusals, and of channels that were closed at once. */
  abstract words(): Promise<string>;

  /** @throws Disagreement when it ended by itself */
  async refuseAfterEnd(): Promise<void> {
    if (!this.process.isAlive()) throw new Disagreement(describeEnd(this.process, await this.process.ended));
  }
}

export class OurServer extends OurEnd {
  readonly what = 'server';

  static async start(options: OurEndOptions): Promise<OurServer> {
    const { folder } = options;
    writeKey(folder, options.preSharedKey);
    writeSettings(join(folder, 'server.yaml'), serverSettings(options));
    return new OurServer(await startSekisho(options, 'server'), options);
  }

  readonly #options: OurEndOptions;

  private constructor(process: LabProcess, options: OurEndOptions) {
    super(process, serverSocket(options));
    this.#options = options;
  }

  /** Cuts the router off, or lets it in again, in the settings file; it is in force when this returns. */
  async revoke(isRevoked: boolean): Promise<void> {
    const file = join(this.#options.folder, 'server.yaml');
    writeSettings(file, serverSettings(this.#options, isRevoked ? { revoked: '2026-01-01T00:00:00Z' } : {}));
    const { problem } = await tell(this.socket, '/reload', z.object({ problem: z.string().nullable() }));
    if (problem !== null) throw new Disagreement(`our server does not take its settings: ${problem}`);
  }

  status() {
    return readServerStatus(this.socket);
  }

  async isUp(): Promise<boolean> {
    const status = await this.status().catch(() => undefined);
    return status?.routers.some(({ name, channel }) => name === routerName && channel === 'up') ?? false;
  }

  async algorithms(): Promise<string> {
    const { routers } = await this.status();
    return routers.find(({ name }) => name === routerName)?.algorithms ?? '';
  }

  async rekeyings(): Promise<ChannelRekeyings | null> {
    const { routers } = await this.status();
    return routers.find(({ name }) => name === routerName)?.rekeyings ?? null;
  }

  async words(): Promise<string> {
    const { messages } = await this.status();
    const closed = (await readEvents(this.socket)).filter(({ what }) => what === 'channel down');
    return [...Object.keys(messages), ...closed.map(({ detail }) => detail)].join('\n');
  }
}

export class OurRouter extends OurEnd {
  readonly what = 'router';

  static async start(options: OurEndOptions): Promise<OurRouter> {
    const { folder } = options;
    const socket = join(folder, 'router.sock');
    writeKey(folder, options.preSharedKey);
    writeSettings(join(folder, 'router.yaml'), {
      version: 1,
      name: routerName,
      credential: credentialAtRouter(options),
      server: { address: options.serverAddress, port: 4500, identity: serverName },
      unprotected: { interface: 'wan0' },
      controlSocket: socket,
      channel: options.channel,
      spd: [
        {
          name: entryName,
          selector: { local: networks[routerName], remote: networks[peerName] },
          action: 'PROTECT',
          requestPeer: peerName,
        },
      ],
    });
    return new OurRouter(await startSekisho(options, 'router'), socket);
  }

  status() {
    return readRouterStatus(this.socket);
  }

  async isUp(): Promise<boolean> {
    return (await this.status().catch(() => undefined))?.channel.state === 'up';
  }

  async algorithms(): Promise<string> {
    return (await this.status()).channel.algorithms;
  }

  async rekeyings(): Promise<ChannelRekeyings | null> {
    return (await this.status()).channel.rekeyings;
  }

  async words(): Promise<string> {
    return (await this.status().catch(() => undefined))?.channel.detail ?? '';
  }
}

function serverSocket({ folder }: OurEndOptions): string {
  return join(folder, 'server.sock');
}

/** The server's file; `more` is said of the router that talks. */
function serverSettings(options: OurEndOptions, more: object = {}): object {
  return {
    version: 1,
    server: {
      identity: serverName,
      listen: [{ address: options.serverAddress, port: 4500 }],
      database: join(options.folder, 'server.sqlite'),
      controlSocket: serverSocket(options),
      channel: options.channel,
      certificate: options.certificate,
    },
    routers: [
      {
        name: routerName,
        credential: credentialAtServer(options),
        networks: [networks[routerName]],
        ...more,
      },
      { name: peerName, credential: { preSharedKeyFile: 'channel.psk' }, networks: [networks[peerName]] },
    ],
    distributionPolicies: [{ kind: 'all', between: [routerName, peerName] }],
  };
}

/** What the server's file says of how it and the router prove themselves to each other. */
function credentialAtServer(options: OurEndOptions): object {
  const { certificate, withKey } = options;
  if (certificate === undefined) return { preSharedKeyFile: 'channel.psk', ...ppkOf(options) };
  const proofOf = (end: 'router' | 'server') => (withKey === end ? 'preSharedKey' : 'certificate');
  return {
    ...(withKey === undefined ? {} : { preSharedKeyFile: 'channel.psk' }),
    router: proofOf('router'),
    server: proofOf('server'),
    ...ppkOf(options),
  };
}

/** The same in the router's file, which has just what it needs. */
function credentialAtRouter(options: OurEndOptions): object {
  const { certificate, withKey } = options;
  if (certificate === undefined) return { preSharedKeyFile: 'channel.psk', ...ppkOf(options) };
  const { certificateFile, privateKeyFile, caFile, crlFile } = certificate;
  return {
    ...(withKey === undefined ? {} : { preSharedKeyFile: 'channel.psk' }),
    ...(withKey === 'router' ? {} : { certificateFile, privateKeyFile }),
    ...(withKey === 'server' ? {} : { caFile, crlFile }),
    ...ppkOf(options),
  };
}

/** Writes the post-quantum key down, where there is one. */
function ppkOf({ folder, ppk }: OurEndOptions): object {
  if (ppk === undefined) return {};
  writeFileSync(join(folder, 'channel.ppk'), ppk.key, { mode: 0o600 });
  return { ppk: { id: ppkName, file: 'channel.ppk', required: ppk.isRequired } };
}

function writeKey(folder: string, key: string): void {
  writeFileSync(join(folder, 'channel.psk'), key, { mode: 0o600 });
}

function writeSettings(file: string, settings: object): void {
  writeFileSync(file, stringify(settings), { mode: 0o600 });
}

function startSekisho(options: OurEndOptions, what: 'server' | 'router'): Promise<LabProcess> {
  const program = [nodeCommand, 'host/cli/main.ts', what, '--config', join(options.folder, `${what}.yaml`)];
  return options.processes.start(options.namespace, `${options.name}/${what}`, program);
}
