/** What `swanctl --list-sas` calls the algorithms of a proposal that swanctl.conf writes in keywords. */

const keywords: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  aes128gcm16: { 'encr-alg': 'AES_GCM_16', 'encr-keysize': '128' },
  aes256gcm16: { 'encr-alg': 'AES_GCM_16', 'encr-keysize': '256' },
  aes192gcm16: { 'encr-alg': 'AES_GCM_16', 'encr-keysize': '192' },
  aes192: { 'encr-alg': 'AES_CBC', 'encr-keysize': '192' },
  chacha20poly1305: { 'encr-alg': 'CHACHA20_POLY1305' },
  aes128: { 'encr-alg': 'AES_CBC', 'encr-keysize': '128' },
  aes256: { 'encr-alg': 'AES_CBC', 'encr-keysize': '256' },
  sha256: { 'integ-alg': 'HMAC_SHA2_256_128' },
  sha384: { 'integ-alg': 'HMAC_SHA2_384_192' },
  sha512: { 'integ-alg': 'HMAC_SHA2_512_256' },
  prfsha256: { 'prf-alg': 'PRF_HMAC_SHA2_256' },
  prfsha384: { 'prf-alg': 'PRF_HMAC_SHA2_384' },
  prfsha512: { 'prf-alg': 'PRF_HMAC_SHA2_512' },
  x25519: { 'dh-group': 'CURVE_25519' },
  ecp256: { 'dh-group': 'ECP_256' },
  ecp384: { 'dh-group': 'ECP_384' },
  modp1536: { 'dh-group': 'MODP_1536' },
  modp2048: { 'dh-group': 'MODP_2048' },
  modp3072: { 'dh-group': 'MODP_3072' },
  esn: { esn: '1' },
};

/**
 * The fields of a listed SA, with their values, that `proposal` leads to.
 *
 * @throws RangeError for a keyword without a name here (a mistake in a combination)
 */
export function namesOf(proposal: string): Readonly<Record<string, string>> {
  return Object.assign(
    {},
    ...proposal.split('-').map((keyword) => {
      const names = keywords[keyword];
      if (names === undefined) throw new RangeError(`no name for the keyword ${keyword} of ${proposal}`);
      return names;
    }),
  );
}
