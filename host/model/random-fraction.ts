/**
 * A random number from 0 up to, not including, 1, in steps of 1/256: so that what many do after the same time they do not do at
 * the same moment. Not for secrets.
 *
 * @param random unpredictable octets
 */
export function randomFraction(random: (octets: number) => Uint8Array): number {
  return (random(1)[0] ?? 0) / 256;
}
