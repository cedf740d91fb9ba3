/**
 * Keys of data SAs in the form of Wireshark's `esp_sa` table, one line an SA, so that tshark can open a capture of the lab.
 * Used by key-saving-worker.ts alone: no router or server code has such a way out.
 */
import { formatAddress } from '../../host/model/address.ts';
import { type Encryption, type Integrity, type Proposal, parseProposal } from '../../host/model/proposal.ts';
import type { SecurityAssociation } from '../../host/model/security-association.ts';

/** Environment variable by which router-with-saved-keys.ts tells its worker where to. */
export const keyFolderVariable = 'SEKISHO_LAB_KEY_FOLDER';

/** Wireshark's names (epan/dissectors/packet-ipsec.c). */
const encryptionNames: Partial<Record<Encryption, string>> = {
  null: 'NULL',
  'aes-cbc': 'AES-CBC [RFC3602]',
  'aes-ctr': 'AES-CTR [RFC3686]',
  'des-cbc': 'DES-CBC [RFC2405]',
  '3des-cbc': 'TripleDES-CBC [RFC2451]',
};
const integrityNames: Partial<Record<Integrity, string>> = {
  'hmac-sha1-96': 'HMAC-SHA-1-96 [RFC2404]',
  'hmac-sha256-128': 'HMAC-SHA-256-128 [RFC4868]',
  'hmac-sha384-192': 'HMAC-SHA-384-192 [RFC4868]',
  'hmac-sha512-256': 'HMAC-SHA-512-256 [RFC4868]',
  'hmac-md5-96': 'HMAC-MD5-96 [RFC2403]',
};

/**
 * The line for an outbound SA, whose peer's address is the one on the wire, even behind a NAT. The caller keeps the keys and wipes them; the line holds them in clear.
 *
 * @throws RangeError for a proposal that does not exist, or that Wireshark 4.0 cannot open
 */
export function wiresharkLine(sa: SecurityAssociation): string {
  const proposal = parseProposal(sa.proposal);
  if (!proposal.ok) throw new RangeError(proposal.message);
  const names = algorithmNames(proposal.value);
  if (names === undefined) throw new RangeError(`Wireshark cannot open ${sa.proposal}`);
  const hex = (octets: Uint8Array) =>
    Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
  // For combined modes and CTR Wireshark wants the salt behind the key.
  const key = `0x${hex(sa.keys.encryptionKey.reveal())}${hex(sa.keys.salt.reveal())}`;
  const fields = [
    sa.peer.address.family === 4 ? 'IPv4' : 'IPv6',
    // A NAT may put its own address there.
    '*',
    formatAddress(sa.peer.address),
    `0x${sa.spi.toString(16).padStart(8, '0')}`,
    names.encryption,
    key,
    names.integrity,
    proposal.value.integrity === null ? '' : `0x${hex(sa.keys.authenticationKey.reveal())}`,
  ];
  return fields.map((field) => `"${field}"`).join(',');
}

/** What Wireshark calls the two algorithms; undefined where it has no name for one. */
function algorithmNames({ encryption, integrity, icvOctets }: Proposal) {
  const cipher =
    encryption === 'aes-gcm' ? `AES-GCM with ${icvOctets} octet ICV [RFC4106]` : encryptionNames[encryption];
  const mac = integrity === null ? 'NULL' : integrityNames[integrity];
  return cipher === undefined || mac === undefined ? undefined : { encryption: cipher, integrity: mac };
}
