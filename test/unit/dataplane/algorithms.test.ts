/** Which algorithms and keys the firmware makes an SA of, whatever the host says: those that go together, and no others. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
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
} from '../../../firmware/abi/algorithm.ts';
import { STAGE_KEY, STAGE_OK, STAGE_SLOT } from '../../../firmware/abi/bank.ts';
import {
  CONFIGURATION_ADDRESS,
  CONFIGURATION_REGIONS,
  REGION_CIPHERS,
  REGION_KEY_STAGING,
  REGION_SA_SLOTS,
} from '../../../firmware/abi/layout.ts';
import {
  KEY_STAGING_AUTHENTICATION_LENGTH,
  KEY_STAGING_ENCRYPTION_LENGTH,
  KEY_STAGING_SIZE,
  SA_ENCRYPTION,
  SA_FLAG_AH,
  SA_FLAG_UDP,
  SA_FLAGS,
  SA_ICV_LENGTH,
  SA_INTEGRITY,
  SA_SPI,
} from '../../../firmware/abi/sa-slot.ts';
import { layOutMemory, writeConfiguration } from '../../../host/dataplane/memory-layout.ts';
import { smallCapacities } from '../../property/dataplane/engines.ts';

const firmware = new WebAssembly.Module(
  readFileSync(new URL('../../../build/firmware.wasm', import.meta.url)),
);

/** What `install_sa` says of inbound slot 0, and how many octets of keys it left where the host reads. */
function install(
  encryption: number,
  integrity: number,
  icv: number,
  encryptionKey: number,
  authenticationKey: number,
  flags = 0,
) {
  const layout = layOutMemory(smallCapacities);
  const memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.pages });
  const { exports } = new WebAssembly.Instance(firmware, { env: { memory } });
  // The module exports functions of numbers alone.
  const call = exports as Record<string, (...parameters: number[]) => number>;
  writeConfiguration(memory.buffer, layout, new Uint8Array(16));
  expect([call.configure?.(), call.self_test?.()]).toEqual([0, 0]);
  const view = new DataView(memory.buffer);
  const region = (index: number) =>
    view.getUint32(CONFIGURATION_ADDRESS + CONFIGURATION_REGIONS + 4 * index, true);
  const set = (address: number, value: number) => view.setUint32(address, value, true);
  const slot = region(REGION_SA_SLOTS);
  const staging = region(REGION_KEY_STAGING);
  set(slot + SA_SPI, 0x1000);
  set(slot + SA_FLAGS, flags);
  set(slot + SA_ENCRYPTION, encryption);
  set(slot + SA_INTEGRITY, integrity);
  set(slot + SA_ICV_LENGTH, icv);
  new Uint8Array(memory.buffer, staging, KEY_STAGING_SIZE).fill(0x5a);
  set(staging + KEY_STAGING_ENCRYPTION_LENGTH, encryptionKey);
  set(staging + KEY_STAGING_AUTHENTICATION_LENGTH, authenticationKey);
  const verdict = call.install_sa?.(0);
  const written = (start: number, length: number) =>
    new Uint8Array(memory.buffer, start, length).filter((octet) => octet !== 0).length;
  expect(written(staging, KEY_STAGING_SIZE)).toBe(0);
  if (verdict !== STAGE_OK) expect(written(region(REGION_CIPHERS), 1024)).toBe(0);
  return verdict;
}

const separate = [
  ENCRYPTION_NULL,
  ENCRYPTION_AES_CBC,
  ENCRYPTION_AES_CTR,
  ENCRYPTION_DES_CBC,
  ENCRYPTION_3DES_CBC,
];
const combined = [ENCRYPTION_AES_GCM, ENCRYPTION_AES_CCM, ENCRYPTION_AES_GMAC, ENCRYPTION_CHACHA20_POLY1305];
/** RFC 4106 section 6, RFC 4309 section 6. */
const shortened = [ENCRYPTION_AES_GCM, ENCRYPTION_AES_CCM];
const keys = new Map([
  [ENCRYPTION_NULL, [0]],
  [ENCRYPTION_AES_CBC, [16, 24, 32]],
  [ENCRYPTION_AES_CTR, [16, 24, 32]],
  [ENCRYPTION_DES_CBC, [8]],
  [ENCRYPTION_3DES_CBC, [24]],
  [ENCRYPTION_AES_GCM, [16, 24, 32]],
  [ENCRYPTION_AES_CCM, [16, 24, 32]],
  [ENCRYPTION_AES_GMAC, [16, 24, 32]],
  [ENCRYPTION_CHACHA20_POLY1305, [32]],
]);
/** Octets of ICV and key: RFC 2404, RFC 4868 section 2.6, RFC 4494, RFC 2403. */
const integrities = [
  [INTEGRITY_HMAC_SHA1_96, 12, 20],
  [INTEGRITY_HMAC_SHA256_128, 16, 32],
  [INTEGRITY_HMAC_SHA384_192, 24, 48],
  [INTEGRITY_HMAC_SHA512_256, 32, 64],
  [INTEGRITY_AES_CMAC_96, 12, 16],
  [INTEGRITY_HMAC_MD5_96, 12, 16],
] as const;

it('installs each encryption with each integrity that it needs, and combined modes alone', () => {
  for (const encryption of separate)
    for (const key of keys.get(encryption) ?? [])
      for (const [integrity, icv, authenticationKey] of integrities)
        expect(install(encryption, integrity, icv, key, authenticationKey)).toBe(STAGE_OK);
  for (const encryption of combined)
    for (const key of keys.get(encryption) ?? [])
      for (const icv of shortened.includes(encryption) ? [8, 12, 16] : [16])
        expect(install(encryption, INTEGRITY_NONE, icv, key, 0)).toBe(STAGE_OK);
});

it('makes AH of each integrity, and of GMAC, without encryption and without UDP', () => {
  for (const [integrity, icv, key] of integrities) {
    expect(install(ENCRYPTION_NULL, integrity, icv, 0, key, SA_FLAG_AH)).toBe(STAGE_OK);
    expect(install(ENCRYPTION_NULL, integrity, icv, 0, key, SA_FLAG_AH | SA_FLAG_UDP)).toBe(STAGE_SLOT);
  }
  expect(install(ENCRYPTION_AES_GMAC, INTEGRITY_NONE, 16, 32, 0, SA_FLAG_AH)).toBe(STAGE_OK);
  for (const encryption of separate.slice(1))
    for (const key of keys.get(encryption) ?? [])
      expect(install(encryption, INTEGRITY_HMAC_SHA1_96, 12, key, 20, SA_FLAG_AH)).toBe(STAGE_KEY);
  for (const encryption of combined.filter((one) => one !== ENCRYPTION_AES_GMAC))
    expect(install(encryption, INTEGRITY_NONE, 16, 32, 0, SA_FLAG_AH)).toBe(STAGE_KEY);
});

it('refuses encryption without integrity, and a second integrity beside a combined mode', () => {
  for (const encryption of separate)
    for (const key of keys.get(encryption) ?? [])
      for (const icv of [0, 12, 16]) expect(install(encryption, INTEGRITY_NONE, icv, key, 0)).toBe(STAGE_KEY);
  for (const encryption of combined)
    expect(install(encryption, INTEGRITY_HMAC_SHA256_128, 16, 32, 32)).toBe(STAGE_KEY);
});

it('refuses ICVs that are not as long as the algorithm says', () => {
  for (const encryption of combined)
    for (const icv of [0, 1, 4, 15, 17, 32, 0x7fffffff, ...(shortened.includes(encryption) ? [] : [8, 12])])
      expect(install(encryption, INTEGRITY_NONE, icv, 32, 0)).toBe(STAGE_KEY);
  for (const [integrity, right, authenticationKey] of integrities)
    for (const icv of [0, right - 4, right + 4])
      expect(install(ENCRYPTION_AES_CBC, integrity, icv, 16, authenticationKey)).toBe(STAGE_KEY);
});

it('refuses keys of other lengths, and unknown algorithms', () => {
  for (const [encryption, lengths] of keys)
    for (const length of [0, 8, 15, 16, 17, 20, 24, 31, 32, 33, 0x7fffffff].filter(
      (one) => !lengths.includes(one),
    ))
      expect(
        combined.includes(encryption)
          ? install(encryption, INTEGRITY_NONE, 16, length, 0)
          : install(encryption, INTEGRITY_HMAC_SHA1_96, 12, length, 20),
      ).toBe(STAGE_KEY);
  for (const [integrity, icv, right] of integrities)
    for (const length of [0, right - 1, right + 1])
      expect(install(ENCRYPTION_AES_CBC, integrity, icv, 16, length)).toBe(STAGE_KEY);
  for (const encryption of [0, 10, 0x7fffffff])
    expect(install(encryption, INTEGRITY_HMAC_SHA1_96, 12, 16, 20)).toBe(STAGE_KEY);
  for (const integrity of [7, 0x7fffffff])
    expect(install(ENCRYPTION_AES_CBC, integrity, 0, 16, 64)).toBe(STAGE_KEY);
});
