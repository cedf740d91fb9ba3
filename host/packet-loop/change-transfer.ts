/**
 * Table changes across threads. The message port copies plain values but not classes, so a Secret travels as octets in a
 * buffer of its own and is a Secret again on the other side. The buffers are transferred, not copied: no third copy of
 * a key is left in the port.
 */
import type { SaPair, TableChange } from '../dataplane/engine.ts';
import { Secret } from '../model/secret.ts';
import type { SaKeys, SecurityAssociation } from '../model/security-association.ts';

export interface PackedKeys {
  readonly encryptionKey: Uint8Array;
  readonly authenticationKey: Uint8Array;
  readonly salt: Uint8Array;
}

type PackedAssociation = Omit<SecurityAssociation, 'keys'> & { readonly keys: PackedKeys };
type PackedPair = Omit<SaPair, 'inbound' | 'outbound'> & {
  readonly inbound: PackedAssociation;
  readonly outbound: PackedAssociation;
};

/** A TableChange whose secrets are bare octets: only for a message port. */
export type PackedChange = Omit<TableChange, 'install'> & {
  readonly install?: readonly { readonly pair: PackedPair; readonly use: boolean }[];
};

/**
 * Makes the change fit for a message port. The secrets are copied, and stay the caller's to wipe; the copies' buffers are
 * to be transferred with the message.
 */
export function packChange(change: TableChange): { change: PackedChange; transfer: ArrayBuffer[] } {
  const { install, ...rest } = change;
  const transfer: ArrayBuffer[] = [];
  if (install === undefined) return { change: rest, transfer };
  const packed = install.map(({ pair, use }) => {
    const inbound = packAssociation(pair.inbound, transfer);
    const outbound = packAssociation(pair.outbound, transfer);
    return { use, pair: { ...pair, inbound, outbound } };
  });
  return { change: { ...rest, install: packed }, transfer };
}

/** The change as it was; its secrets take the octets over. */
export function unpackChange(packed: PackedChange): TableChange {
  const { install, ...rest } = packed;
  if (install === undefined) return rest;
  return {
    ...rest,
    install: install.map(({ pair, use }) => ({
      use,
      pair: { ...pair, inbound: unpackAssociation(pair.inbound), outbound: unpackAssociation(pair.outbound) },
    })),
  };
}

function packAssociation({ keys, ...rest }: SecurityAssociation, transfer: ArrayBuffer[]): PackedAssociation {
  const copy = (secret: Secret): Uint8Array => {
    const octets = new Uint8Array(secret.length);
    octets.set(secret.reveal());
    transfer.push(octets.buffer);
    return octets;
  };
  return {
    ...rest,
    keys: {
      encryptionKey: copy(keys.encryptionKey),
      authenticationKey: copy(keys.authenticationKey),
      salt: copy(keys.salt),
    },
  };
}

function unpackAssociation({ keys, ...rest }: PackedAssociation): SecurityAssociation {
  const unpacked: SaKeys = {
    encryptionKey: new Secret(keys.encryptionKey),
    authenticationKey: new Secret(keys.authenticationKey),
    salt: new Secret(keys.salt),
  };
  return { ...rest, keys: unpacked };
}
