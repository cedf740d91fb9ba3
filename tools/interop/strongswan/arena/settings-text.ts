/**
 * strongSwan's settings as text: strongswan.conf for the daemon, swanctl.conf for the one connection that it knows. Both
 * are written as an administrator would write them who reads docs/interop.md.
 */
import type { Section } from '../matrix/combination.ts';

/**
 * Where its ESP is. In a namespace the machine's kernel may have none, so kernel-libipsec does it in user space, always in UDP; it
 * goes before kernel-netlink, which then only sets addresses and routes. A guest's kernel has it.
 */
export type EspIn = 'user space' | 'kernel';

const kernelPlugins: Readonly<Record<EspIn, readonly string[]>> = {
  'user space': ['kernel-libipsec', 'kernel-netlink'],
  kernel: ['kernel-netlink'],
};

/** Plugins of the daemon. `aesni openssl` first, or AES-GCM is slow. */
export function charonPlugins(espIn: EspIn): string[] {
  return [
    ...['aesni', 'openssl', 'random', 'nonce', 'aes', 'sha1', 'sha2', 'hmac', 'kdf', 'gcm', 'chapoly'],
    ...['curve25519', 'gmp', 'x509', 'revocation', 'constraints', 'pubkey', 'pem', 'pkcs1', 'pkcs8', 'vici'],
    ...['socket-default', ...kernelPlugins[espIn], 'updown'],
  ];
}

const swanctlPlugins = 'openssl random nonce x509 pubkey pem pkcs1 pkcs8 curve25519';

/** strongswan.conf; `more` is merged into the section `charon`. */
export function strongswanConf(viciUri: string, espIn: EspIn, more: Section = {}): string {
  const charon: Section = {
    load_modular: 'no',
    load: charonPlugins(espIn).join(' '),
    // Retransmissions at 1 s, 2.5 s, 4.8 s …: a lost packet should not cost a run four seconds.
    retransmit_timeout: '1.0',
    plugins: {
      ...(espIn === 'user space' ? { 'kernel-libipsec': { load: 'yes', allow_peer_ts: 'yes' } } : {}),
      vici: { socket: viciUri },
    },
    // Level 2 tells what was negotiated and why not; keys appear from level 4 on.
    filelog: { stderr: { default: 1, ike: 2, cfg: 2, flush_line: 'yes' } },
  };
  return sectionText({ charon: merged(charon, more), swanctl: { load: swanctlPlugins } });
}

export interface ConnectionSettings {
  readonly localAddress: string;
  /** An address, or `%any` at a responder. */
  readonly remoteAddress: string;
  readonly localId: string;
  readonly remoteId: string;
  readonly localInner: string;
  readonly remoteInner: string;
  readonly ike: string;
  readonly esp: string;
  readonly preSharedKey: Uint8Array;
  /** How each end proves itself: `auth` and what belongs to it. */
  readonly localProof: Section;
  readonly remoteProof: Section;
  /** A post-quantum pre-shared key, under `ppkName`. */
  readonly ppk?: { readonly key: Uint8Array; readonly isRequired: boolean } | undefined;
  readonly more: Section;
}

/** The name of the post-quantum pre-shared key at both ends. */
export const ppkName = 'tokyo-ppk';

/** The name of strongSwan's connection and of its CHILD SA. */
export const connectionName = 'channel';

/** swanctl.conf with one connection; `more` of the settings is merged into it. */
export function swanctlConf(settings: ConnectionSettings): string {
  const connection: Section = {
    version: 2,
    local_addrs: settings.localAddress,
    remote_addrs: settings.remoteAddress,
    // Our server listens on 4500 alone, and everything is in UDP from the first packet.
    local_port: 4500,
    remote_port: 4500,
    encap: 'yes',
    proposals: settings.ike,
    local: { ...settings.localProof, id: settings.localId },
    remote: { ...settings.remoteProof, id: settings.remoteId },
    children: {
      [connectionName]: {
        mode: 'tunnel',
        local_ts: `${settings.localInner}/128`,
        remote_ts: `${settings.remoteInner}/128`,
        esp_proposals: settings.esp,
      },
    },
  };
  const { ppk } = settings;
  const ppkOf: Section =
    ppk === undefined ? {} : { ppk_id: ppkName, ppk_required: ppk.isRequired ? 'yes' : 'no' };
  return sectionText({
    connections: { [connectionName]: merged({ ...connection, ...ppkOf }, settings.more) },
    secrets: {
      'ike-channel': { secret: hexSecret(settings.preSharedKey) },
      ...(ppk === undefined ? {} : { 'ppk-channel': { secret: hexSecret(ppk.key), id: ppkName } }),
    },
  });
}

function hexSecret(key: Uint8Array): string {
  return `0x${Buffer.from(key).toString('hex')}`;
}

function merged(base: Section, more: Section): Section {
  const result: Record<string, string | number | Section> = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const before = result[key];
    result[key] = typeof value === 'object' && typeof before === 'object' ? merged(before, value) : value;
  }
  return result;
}

/** A section's inside in the form of strongswan.conf and swanctl.conf. */
export function sectionText(section: Section, indent = ''): string {
  return Object.entries(section)
    .map(([key, value]) =>
      typeof value === 'object'
        ? `${indent}${key} {\n${sectionText(value, `${indent}  `)}${indent}}\n`
        : `${indent}${key} = ${value}\n`,
    )
    .join('');
}
