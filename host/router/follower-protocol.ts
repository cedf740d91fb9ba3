/**
 * What crosses between a router's first worker, which has the control side, and one that follows it: packets alone are that one's
 * business. Keys cross to it, in buffers that move from one thread to the other and are copied nowhere.
 */
import type { SaPair, TableChange } from '../dataplane/engine.ts';
import type { EngineSnapshot } from '../dataplane/snapshot.ts';
import type { Address } from '../model/address.ts';
import { Secret } from '../model/secret.ts';
import type { SaKeys, SecurityAssociation } from '../model/security-association.ts';
import type { Bundles } from '../packet-loop/packet-interface.ts';
import type { LoopCommand, LoopEvent } from '../packet-loop/protocol.ts';

/** A socket that the first worker opened for the follower; what it is made of is the platform's. */
export type Handed = object;

export type ToFollower =
  /**
   * Opens a packet loop with the TUN's next queue and these sockets, in place of one that it may have: nothing of that is left.
   * `wakeFd` ends the first worker's wait.
   */
  | {
      readonly kind: 'open';
      readonly address: Address;
      readonly sockets: readonly Handed[];
      readonly wakeFd: number;
    }
  | { readonly kind: 'obey'; readonly command: SealedCommand }
  | {
      readonly kind: 'rebind';
      readonly from: Address;
      readonly to: Address;
      readonly sockets: readonly Handed[];
    }
  | { readonly kind: 'snapshot'; readonly id: number }
  | { readonly kind: 'stop' };

export type FromFollower =
  /** After each `open`; a write to the eventfd ends its wait. */
  | { readonly kind: 'ready'; readonly wakeFd: number }
  | { readonly kind: 'events'; readonly events: readonly LoopEvent[] }
  /** Its engine is gone: no packet passes there until the next `open`. */
  | { readonly kind: 'lost'; readonly reason: string }
  | {
      readonly kind: 'snapshot';
      readonly id: number;
      readonly snapshot: EngineSnapshot;
      readonly bundles: Bundles;
    };

type Octets = Readonly<Record<keyof SaKeys, Uint8Array<ArrayBuffer>>>;
type SealedSa = Omit<SecurityAssociation, 'keys'> & { readonly keys: Octets };
type SealedPair = Omit<SaPair, 'inbound' | 'outbound'> & {
  readonly inbound: SealedSa;
  readonly outbound: SealedSa;
};
type SealedChange = Omit<TableChange, 'install'> & {
  readonly install?: readonly { readonly pair: SealedPair; readonly use: boolean }[];
};

/** A command in a form that can be posted: a Secret would lose its octets on the way. */
export type SealedCommand =
  | Exclude<LoopCommand, { kind: 'change' }>
  | { readonly kind: 'change'; readonly change: SealedChange };

/** The command for `postMessage`, with the buffers that are to move. The Secrets of the command are left as they are. */
export function sealCommand(command: LoopCommand): {
  readonly command: SealedCommand;
  readonly moved: ArrayBuffer[];
} {
  if (command.kind !== 'change' || command.change.install === undefined)
    return { command: command as SealedCommand, moved: [] };
  const { install, ...rest } = command.change;
  const moved: ArrayBuffer[] = [];
  const seal = (sa: SecurityAssociation): SealedSa => {
    const keys = mapKeys(sa.keys, (secret) => Uint8Array.from(secret.reveal()));
    for (const { buffer } of Object.values(keys)) moved.push(buffer);
    return { ...sa, keys };
  };
  const sealed = install.map(({ pair, use }) => {
    return { use, pair: { ...pair, inbound: seal(pair.inbound), outbound: seal(pair.outbound) } };
  });
  return { command: { kind: 'change', change: { ...rest, install: sealed } }, moved };
}

/** The command as it was. Its Secrets own the octets that came. */
export function openCommand(sealed: SealedCommand): LoopCommand {
  if (sealed.kind !== 'change') return sealed;
  const { install, ...rest } = sealed.change;
  if (install === undefined) return { kind: 'change', change: rest };
  const open = (sa: SealedSa): SecurityAssociation => ({
    ...sa,
    keys: mapKeys(sa.keys, (octets) => new Secret(octets)),
  });
  const opened = install.map(({ pair, use }) => {
    return { use, pair: { ...pair, inbound: open(pair.inbound), outbound: open(pair.outbound) } };
  });
  return { kind: 'change', change: { ...rest, install: opened } };
}

function mapKeys<From, To>(
  keys: Readonly<Record<keyof SaKeys, From>>,
  map: (key: From) => To,
): Readonly<Record<keyof SaKeys, To>> {
  return {
    encryptionKey: map(keys.encryptionKey),
    authenticationKey: map(keys.authenticationKey),
    salt: map(keys.salt),
  };
}
