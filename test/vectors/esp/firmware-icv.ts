/** The ICV of a packet by the firmware's HMAC alone, without its packet engine. */
import { hmacMd5, hmacSha1, hmacSha256, hmacSha384, hmacSha512 } from '../../../tools/primitives/hmac.ts';
import { fromHex, Layout } from '../../property/crypto/primitives.ts';
import { type MacOfSa, macOf } from './node-icv.ts';

const macs = {
  md5: hmacMd5,
  sha1: hmacSha1,
  sha256: hmacSha256,
  sha384: hmacSha384,
  sha512: hmacSha512,
} as const;

/**
 * As many octets of the HMAC as ESP takes.
 *
 * @param esp from the SPI to the ICV, which is not looked at
 */
export function firmwareIcv(sa: MacOfSa, esp: Uint8Array): Uint8Array {
  const { hash, icvOctets } = macOf(sa);
  const { setup, compute, contextOctets, macOctets } = macs[hash];
  const layout = new Layout();
  const key = layout.place(fromHex(sa.authenticationKey ?? ''));
  const authenticated = layout.place(esp.subarray(0, -icvOctets));
  const context = layout.room(contextOctets);
  const out = layout.room(macOctets);
  setup(context.address, key.address, key.length);
  compute(context.address, authenticated.address, authenticated.length, out.address);
  return out.read().slice(0, icvOctets);
}
