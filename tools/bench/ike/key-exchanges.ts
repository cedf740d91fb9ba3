/** The key exchanges that are measured, by strongSwan's keywords. Data only. */

export interface KeyExchange {
  readonly name: string;
  readonly inStrongswan: boolean;
}

export const keyExchanges: readonly KeyExchange[] = [
  ...['x25519', 'ecp256', 'ecp384', 'modp1536', 'modp2048', 'modp3072'].map((name) => ({
    name,
    inStrongswan: true,
  })),
  { name: 'x25519-ke1_mlkem768', inStrongswan: false },
];

/** The proposal of both for the IKE SA; the rest of it is the same in every row. */
export function ikeProposal(keyExchange: string): string {
  return `aes256gcm16-prfsha256-${keyExchange}`;
}

/** Those of strongSwan that a new peer is compared with; ours has none, whatever its channel has. */
export const newPeerKeyExchanges: readonly string[] = ['modp1536', 'modp2048', 'x25519'];
