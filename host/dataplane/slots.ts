/**
 * Writes an SA into its slot, and its keys into the staging area from which the firmware expands and wipes them. Also checks,
 * before anything is touched, that an SA is one that the firmware can carry. Pair i uses inbound slot i and outbound slot
 * capacity + i.
 */
import {
  ENCRYPTION_3DES_CBC,
  ENCRYPTION_AES_CBC,
  ENCRYPTION_AES_CCM,
  ENCRYPTION_AES_CTR,
  ENCRYPTION_AES_GCM,
  ENCRYPTION_AES_GMAC,
  ENCRYPTION_CHACHA20_POLY1305,
  ENCRYPTION_DES_CBC,
  ENCRYPTION_NULL,
  INTEGRITY_AES_CMAC_96,
  INTEGRITY_HMAC_MD5_96,
  INTEGRITY_HMAC_SHA1_96,
  INTEGRITY_HMAC_SHA256_128,
  INTEGRITY_HMAC_SHA384_192,
  INTEGRITY_HMAC_SHA512_256,
  INTEGRITY_NONE,
} from '../../firmware/abi/algorithm.ts';
import {
  IV_KEY_LENGTH,
  KEY_STAGING_AUTHENTICATION,
  KEY_STAGING_AUTHENTICATION_LENGTH,
  KEY_STAGING_ENCRYPTION,
  KEY_STAGING_ENCRYPTION_LENGTH,
  KEY_STAGING_IV_KEY,
  KEY_STAGING_SIZE,
  REPLAY_WINDOW_MAX,
  SA_DSCP,
  SA_ENCRYPTION,
  SA_FLAG_AH,
  SA_FLAG_DELIVER_HOST,
  SA_FLAG_DF_CLEAR,
  SA_FLAG_DF_SET,
  SA_FLAG_DSCP_SET,
  SA_FLAG_ESN,
  SA_FLAG_NOTIFY_FIRST_AUTHENTIC,
  SA_FLAG_OUTBOUND,
  SA_FLAG_OUTER_IPV6,
  SA_FLAG_TRANSPORT,
  SA_FLAG_UDP,
  SA_FLAGS,
  SA_HARD_AT_SECONDS,
  SA_HARD_OCTETS,
  SA_HARD_PACKETS,
  SA_ICV_LENGTH,
  SA_INTEGRITY,
  SA_LOCAL_ADDRESS,
  SA_LOCAL_PORT,
  SA_PAIR_SPI,
  SA_PATH_MTU,
  SA_PEER_ADDRESS,
  SA_PEER_PORT,
  SA_REPLAY_WINDOW,
  SA_SALT,
  SA_SELECTOR_COUNT,
  SA_SELECTOR_FIRST,
  SA_SEQUENCE,
  SA_SLOT_SIZE,
  SA_SOFT_AT_SECONDS,
  SA_SOFT_OCTETS,
  SA_SOFT_PACKETS,
  SA_SPI,
  SA_TFC_LENGTH,
  TFC_PATH_MTU,
} from '../../firmware/abi/sa-slot.ts';
import type { Endpoint } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import { addSeconds, type Instant } from '../model/instant.ts';
import { limitLifetime } from '../model/key-limit.ts';
import { type Encryption, type Integrity, type Proposal, parseProposal } from '../model/proposal.ts';
import type { SecurityAssociation, Spi } from '../model/security-association.ts';
import type { RowRange } from './row-pool.ts';

/** What a slot needs to know beyond the SA. */
export interface SlotPlacement {
  readonly address: number;
  readonly pairSpi: Spi;
  readonly selectors: RowRange;
  readonly deliverToHost: boolean;
  /** 0: no limit. */
  readonly pathMtuOctets: number;
}

const encryptionNumbers: Readonly<Record<Encryption, number>> = {
  null: ENCRYPTION_NULL,
  'aes-cbc': ENCRYPTION_AES_CBC,
  'aes-ctr': ENCRYPTION_AES_CTR,
  'aes-gcm': ENCRYPTION_AES_GCM,
  'aes-ccm': ENCRYPTION_AES_CCM,
  'aes-gmac': ENCRYPTION_AES_GMAC,
  'chacha20-poly1305': ENCRYPTION_CHACHA20_POLY1305,
  'des-cbc': ENCRYPTION_DES_CBC,
  '3des-cbc': ENCRYPTION_3DES_CBC,
};

const integrityNumbers: Readonly<Record<Integrity, number>> = {
  'hmac-sha1-96': INTEGRITY_HMAC_SHA1_96,
  'hmac-sha256-128': INTEGRITY_HMAC_SHA256_128,
  'hmac-sha384-192': INTEGRITY_HMAC_SHA384_192,
  'hmac-sha512-256': INTEGRITY_HMAC_SHA512_256,
  'aes-cmac-96': INTEGRITY_AES_CMAC_96,
  'hmac-md5-96': INTEGRITY_HMAC_MD5_96,
};

const UNLIMITED = 0xffff_ffff_ffff_ffffn;
const SECONDS_MAX = 0xffff_ffff;

/** Throws HostError CONFIG_INVALID saying what about `sa` the firmware cannot carry. */
export function checkSa(sa: SecurityAssociation, direction: SecurityAssociation['direction']): void {
  const proposal = parseProposal(sa.proposal);
  if (!proposal.ok) throw new HostError('CONFIG_INVALID', proposal.message);
  const { keys } = sa;
  const problem =
    expected('direction', direction, sa.direction) ??
    expected(`a proposal of ${sa.protocol}`, true, proposal.value.protocols.includes(sa.protocol)) ??
    expected('raw encapsulation with ah', true, sa.protocol !== 'ah' || sa.encapsulation === 'raw') ??
    expected('SPI from 256 to 4294967295', true, isSpi(sa.spi)) ??
    expected('encryption key octets', proposal.value.encryptionKeyOctets, keys.encryptionKey.length) ??
    expected(
      'authentication key octets',
      proposal.value.authenticationKeyOctets,
      keys.authenticationKey.length,
    ) ??
    expected('salt octets', proposal.value.saltOctets, keys.salt.length) ??
    expected('peer address of the local family', sa.localAddress.family, sa.peer.address.family) ??
    expected('replay window (0, or a power of two from 64 to 8192)', true, isWindow(sa.replayWindow)) ??
    expected('DSCP from 0 to 63', true, sa.dscp === 'copy' || isInteger(sa.dscp, 0, 63)) ??
    expected('local port from 0 to 65535', true, isInteger(sa.localPort, 0, 65535)) ??
    expected('peer port from 0 to 65535', true, isInteger(sa.peer.port, 0, 65535)) ??
    expected(
      'TFC padding to 65535 octets at most',
      true,
      sa.tfcPadding === 'mtu' || isInteger(sa.tfcPadding ?? 0, 0, 65535),
    ) ??
    expected('no TFC padding with ah', true, sa.protocol !== 'ah' || (sa.tfcPadding ?? 0) === 0) ??
    expected('first sequence number', true, isFirstSequence(sa));
  if (problem !== undefined) {
    throw new HostError(
      'CONFIG_INVALID',
      `${sa.direction} SA ${formatSpi(sa.spi)}, ${sa.proposal}: ${problem}`,
    );
  }
}

function expected<Value>(what: string, wanted: Value, found: Value): string | undefined {
  if (wanted === found) return undefined;
  return typeof wanted === 'boolean' ? `expected ${what}` : `${what}: expected ${wanted}, found ${found}`;
}

function isInteger(value: number, first: number, last: number): boolean {
  return Number.isInteger(value) && value >= first && value <= last;
}

function isSpi(spi: Spi): boolean {
  return isInteger(spi, 256, 0xffff_ffff);
}

function isWindow(window: number): boolean {
  return window === 0 || (isInteger(window, 64, REPLAY_WINDOW_MAX) && (window & (window - 1)) === 0);
}

function isFirstSequence(sa: SecurityAssociation): boolean {
  const first = sa.firstSequence ?? 1n;
  return first >= 1n && first <= (sa.esn ? UNLIMITED : 0xffff_ffffn);
}

/** `0x00001234`. */
export function formatSpi(spi: Spi): string {
  return `0x${spi.toString(16).padStart(8, '0')}`;
}

/** Writes the record of `sa` into an empty slot; `install_sa` makes it live. */
export function writeSlot(
  view: DataView,
  sa: SecurityAssociation,
  placement: SlotPlacement,
  now: Instant,
): void {
  const { address } = placement;
  const octets = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  octets.fill(0, address, address + SA_SLOT_SIZE);
  const set32 = (offset: number, value: number): void => view.setUint32(address + offset, value, true);
  const set64 = (offset: number, value: bigint): void => view.setBigUint64(address + offset, value, true);
  set32(SA_SPI, sa.spi);
  set32(SA_FLAGS, flags(sa, placement));
  const proposal = proposalOf(sa);
  set32(SA_ENCRYPTION, encryptionNumbers[proposal.encryption]);
  set32(SA_INTEGRITY, proposal.integrity === null ? INTEGRITY_NONE : integrityNumbers[proposal.integrity]);
  set32(SA_ICV_LENGTH, proposal.icvOctets);
  set64(SA_SEQUENCE, (sa.firstSequence ?? 1n) - 1n);
  const { soft, hard } = limitLifetime(sa, proposal, sa.esn, sa.firstSequence ?? 1n);
  set32(SA_SOFT_AT_SECONDS, secondsAt(now, soft.seconds));
  set32(SA_HARD_AT_SECONDS, secondsAt(now, hard.seconds));
  set64(SA_SOFT_OCTETS, soft.octets ?? UNLIMITED);
  set64(SA_HARD_OCTETS, hard.octets ?? UNLIMITED);
  set64(SA_SOFT_PACKETS, soft.packets ?? UNLIMITED);
  set64(SA_HARD_PACKETS, hard.packets ?? UNLIMITED);
  set32(SA_REPLAY_WINDOW, sa.direction === 'inbound' ? sa.replayWindow : 0);
  set32(SA_DSCP, sa.dscp === 'copy' ? 0 : sa.dscp);
  set32(SA_SELECTOR_FIRST, placement.selectors.first);
  set32(SA_SELECTOR_COUNT, placement.selectors.count);
  set32(SA_PAIR_SPI, placement.pairSpi);
  set32(SA_PATH_MTU, placement.pathMtuOctets);
  set32(SA_LOCAL_PORT, sa.localPort);
  set32(SA_TFC_LENGTH, sa.tfcPadding === 'mtu' ? TFC_PATH_MTU : (sa.tfcPadding ?? 0));
  octets.set(sa.keys.salt.reveal(), address + SA_SALT);
  octets.set(sa.localAddress.octets, address + SA_LOCAL_ADDRESS);
  writePeer(view, address, sa.peer);
}

/** Writes where a slot's peer is; its family must be the one that the slot has. */
export function writePeer(view: DataView, address: number, peer: Endpoint): void {
  const octets = new Uint8Array(view.buffer, view.byteOffset + address + SA_PEER_ADDRESS, 16);
  octets.fill(0);
  octets.set(peer.address.octets);
  view.setUint32(address + SA_PEER_PORT, peer.port, true);
}

function flags(sa: SecurityAssociation, placement: SlotPlacement): number {
  return (
    (sa.direction === 'outbound' ? SA_FLAG_OUTBOUND : 0) |
    (sa.protocol === 'ah' ? SA_FLAG_AH : 0) |
    (sa.esn ? SA_FLAG_ESN : 0) |
    (sa.mode === 'transport' ? SA_FLAG_TRANSPORT : 0) |
    (sa.encapsulation === 'udp' ? SA_FLAG_UDP : 0) |
    (sa.localAddress.family === 6 ? SA_FLAG_OUTER_IPV6 : 0) |
    (sa.notifyFirstAuthentic === true ? SA_FLAG_NOTIFY_FIRST_AUTHENTIC : 0) |
    (placement.deliverToHost ? SA_FLAG_DELIVER_HOST : 0) |
    (sa.dscp === 'copy' ? 0 : SA_FLAG_DSCP_SET) |
    (sa.dontFragment === 'set' ? SA_FLAG_DF_SET : 0) |
    (sa.dontFragment === 'clear' ? SA_FLAG_DF_CLEAR : 0)
  );
}

function proposalOf(sa: SecurityAssociation): Proposal {
  const proposal = parseProposal(sa.proposal);
  if (!proposal.ok) throw new HostError('CONFIG_INVALID', proposal.message);
  return proposal.value;
}

/** Whole seconds, rounded down so that an SA never outlives its lifetime. */
function secondsAt(now: Instant, seconds: number): number {
  return Math.max(0, Math.min(SECONDS_MAX, Math.floor(addSeconds(now, seconds) / 1000)));
}

/**
 * Copies the keys of `sa` into the staging area at `address`, and wipes the SA's own copy of them, which the engine took
 * over. `ivKey` is IV_KEY_LENGTH random octets, wiped too.
 */
export function stageKeys(view: DataView, address: number, sa: SecurityAssociation, ivKey: Uint8Array): void {
  const octets = new Uint8Array(view.buffer, view.byteOffset + address, KEY_STAGING_SIZE);
  octets.fill(0);
  const { encryptionKey, authenticationKey, salt } = sa.keys;
  view.setUint32(address + KEY_STAGING_ENCRYPTION_LENGTH, encryptionKey.length, true);
  view.setUint32(address + KEY_STAGING_AUTHENTICATION_LENGTH, authenticationKey.length, true);
  octets.set(encryptionKey.reveal(), KEY_STAGING_ENCRYPTION);
  octets.set(authenticationKey.reveal(), KEY_STAGING_AUTHENTICATION);
  octets.set(ivKey.subarray(0, IV_KEY_LENGTH), KEY_STAGING_IV_KEY);
  encryptionKey.wipe();
  authenticationKey.wipe();
  salt.wipe();
  ivKey.fill(0);
}
