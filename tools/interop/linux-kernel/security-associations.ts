/** The two SAs of a combination, in our words (the JSON of `sekisho esp`) and in the kernel's (`ip xfrm`). */
import type { Proposal } from '../../../host/model/proposal.ts';
import { type Combination, octetsOf } from './combinations.ts';

/** Addresses of the two ends: of the machines, and behind them. */
export const addresses = {
  ours: { 4: '192.0.2.1', 6: '2001:db8::1' },
  kernels: { 4: '192.0.2.2', 6: '2001:db8::2' },
  behindUs: { 4: '10.1.0.1', 6: 'fd00:1::1' },
  behindKernel: { 4: '10.2.0.1', 6: 'fd00:2::1' },
} as const;

/** RFC 3948. */
const natTraversalPort = 4500;

/** A few numbers before the low half of an extended sequence number wraps. */
const firstExtended = { high: 2, low: 0xfffffffa };

export type Direction = 'to kernel' | 'to us';

/** JSON of an SA for `sekisho esp`. */
export function saFileOf(combination: Combination, direction: Direction): string {
  const { protocol, mode, proposal, esn, udp, outerFamily } = combination;
  const keys = keysOf(combination, direction);
  const [source, destination] = endsOf(direction);
  return JSON.stringify({
    ...{ protocol, mode, proposal: proposal.keyword, esn, spi: spiOf(combination, direction) },
    encryptionKey: keys.encryption,
    authenticationKey: keys.authentication,
    salt: keys.salt,
    sequence: esn ? `0x${firstExtended.high}${firstExtended.low.toString(16)}` : 1,
    ...(mode === 'tunnel'
      ? { tunnel: { source: source[outerFamily], destination: destination[outerFamily] } }
      : {}),
    ...(udp ? { udpEncapsulation: { sourcePort: natTraversalPort, destinationPort: natTraversalPort } } : {}),
  });
}

/** Lines for `ip -batch` that put both SAs and their policies into a kernel that has none. */
export function kernelCommands(combination: Combination): string[] {
  const { mode, family, esn } = combination;
  const [inner, outer] =
    mode === 'tunnel'
      ? ([addresses.behindUs, addresses.behindKernel] as const)
      : ([addresses.ours, addresses.kernels] as const);
  const reqid = 1;
  const states = (['to kernel', 'to us'] as const).map((direction) => {
    const [source, destination] = endsOf(direction);
    const last = firstExtended.low - 1;
    // What the kernel sends starts where ours does, and it expects ours there.
    const sequence = !esn
      ? ''
      : direction === 'to us'
        ? `replay-oseq ${last} replay-oseq-hi ${firstExtended.high}`
        : `replay-seq ${last} replay-seq-hi ${firstExtended.high}`;
    // RFC 4302 section 2.6 fills AH up to 4 octets in IPv4; the kernel, unless told so, to 8 as in IPv6.
    return [
      `xfrm state add src ${source[combination.outerFamily]} dst ${destination[combination.outerFamily]}`,
      `proto ${combination.protocol} spi ${spiOf(combination, direction)} reqid ${reqid} mode ${mode}`,
      `replay-window ${combination.replayWindow} ${sequence}`,
      `flag af-unspec${esn ? ' esn' : ''}${combination.protocol === 'ah' && combination.outerFamily === 4 ? ' align4' : ''}`,
      algorithmsOf(combination, direction),
      combination.udp
        ? `encap espinudp ${natTraversalPort} ${natTraversalPort} ${family === 4 ? '0.0.0.0' : '::'}`
        : '',
    ].join(' ');
  });
  const policies = (['to kernel', 'to us'] as const).map((direction) => {
    const [source, destination] = endsOf(direction);
    const [from, to] = direction === 'to kernel' ? [inner, outer] : [outer, inner];
    // Neighbour discovery stays out of it, and so does UDP, which is looked at before it is opened.
    const upper =
      mode === 'tunnel'
        ? ''
        : family === 4
          ? 'proto 1'
          : `proto 58 type ${direction === 'to kernel' ? 128 : 129}`;
    return [
      `xfrm policy add src ${from[family]} dst ${to[family]} ${upper} dir ${direction === 'to kernel' ? 'in' : 'out'}`,
      `tmpl src ${source[combination.outerFamily]} dst ${destination[combination.outerFamily]} proto ${combination.protocol} reqid ${reqid} mode ${mode}`,
    ].join(' ');
  });
  return ['xfrm state flush', 'xfrm policy flush', ...states, ...policies];
}

function endsOf(direction: Direction) {
  return direction === 'to kernel'
    ? ([addresses.ours, addresses.kernels] as const)
    : ([addresses.kernels, addresses.ours] as const);
}

export function spiOf({ name }: Combination, direction: Direction): string {
  const octets = Buffer.from(octetsOf(`spi ${direction} ${name}`, 4));
  octets[0] = (octets[0] ?? 0) | 1; // not one of the reserved ones
  return `0x${octets.toString('hex')}`;
}

function keysOf({ name, proposal }: Combination, direction: Direction) {
  const hex = (what: string, octets: number) =>
    Buffer.from(octetsOf(`${what} ${direction} ${name}`, octets)).toString('hex');
  return {
    encryption: hex('encryption', proposal.encryptionKeyOctets),
    authentication: hex('authentication', proposal.authenticationKeyOctets),
    salt: hex('salt', proposal.saltOctets),
  };
}

const combinedNames: Readonly<Record<string, string>> = {
  'aes-gcm': 'rfc4106(gcm(aes))',
  'aes-ccm': 'rfc4309(ccm(aes))',
  'aes-gmac': 'rfc4543(gcm(aes))',
  'chacha20-poly1305': 'rfc7539esp(chacha20,poly1305)',
};

const encryptionNames: Readonly<Record<string, string>> = {
  'aes-cbc': 'cbc(aes)',
  'aes-ctr': 'rfc3686(ctr(aes))',
  '3des-cbc': 'cbc(des3_ede)',
  'des-cbc': 'cbc(des)',
  null: 'ecb(cipher_null)',
};

const integrityNames: Readonly<Record<string, string>> = {
  'hmac-sha1-96': 'hmac(sha1)',
  'hmac-sha256-128': 'hmac(sha256)',
  'hmac-sha384-192': 'hmac(sha384)',
  'hmac-sha512-256': 'hmac(sha512)',
  'aes-cmac-96': 'cmac(aes)',
  'hmac-md5-96': 'hmac(md5)',
};

/** Key material is key and salt together, as in our SAs (RFC 4106 section 8.1). */
function algorithmsOf(combination: Combination, direction: Direction): string {
  const { proposal, protocol } = combination;
  const keys = keysOf(combination, direction);
  const material = `0x${keys.encryption}${keys.salt}`;
  if (proposal.integrity === null) {
    return `aead ${combinedNames[proposal.encryption]} ${material} ${8 * proposal.icvOctets}`;
  }
  const integrity = `auth-trunc ${integrityNames[proposal.integrity]} 0x${keys.authentication} ${8 * proposal.icvOctets}`;
  if (protocol === 'ah') return integrity;
  return `enc ${encryptionNames[proposal.encryption]} ${hasKey(proposal) ? material : '""'} ${integrity}`;
}

function hasKey({ encryptionKeyOctets }: Proposal): boolean {
  return encryptionKeyOctets > 0;
}
