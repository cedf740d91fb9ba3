/** Opens the config flash of a router on a real device, with the board's key store where it has one, and reads what is written to it. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigFlash } from '../flash/config-flash.ts';
import { type DevicePart, settingsPart } from '../flash/device-part.ts';
import { deviceKeyStore, type KeyStore, type KeyStorePlace } from '../flash/key-store.ts';
import { HostError } from '../model/host-error.ts';
import { softwareVersion } from '../model/software-version.ts';
import { configFlash, openBlockDevice } from '../platform/block-device.ts';
import { randomOctets } from '../platform/entropy.ts';
import { readCredential, readTrusted } from '../platform/files.ts';
import { openTpm } from '../platform/tpm-device.ts';
import { tpmKeyStore } from '../tpm/tpm-key-store.ts';
import { routerForms } from './flash-document.ts';
import type { SettingsReaders } from './flash-settings.ts';

export interface FlashPaths {
  /** Partition or file. */
  readonly device: string;
  /** Absent where the board has none. */
  readonly keyStore?: KeyStorePlace;
  /** Where the flash is within the device, in sectors: a partition of an image. Absent: all of it. */
  readonly within?: DevicePart;
}

export interface OpenFlash {
  readonly flash: ConfigFlash;
  readonly close: () => void;
}

/**
 * Opens a flash; a writer holds it alone until it is closed. Throws HostError FLASH, CREDENTIAL_*.
 *
 * @param maySeal see `FlashOptions`
 */
export function openFlash(
  { device: path, keyStore: place, within }: FlashPaths,
  access: 'read' | 'write',
  maySeal: () => boolean = () => true,
): OpenFlash {
  const keyStore = place === undefined ? undefined : keyStoreAt(place);
  const device = openBlockDevice(path, access, { ...configFlash, part: partWithin(within) });
  const flash = new ConfigFlash({
    device,
    forms: routerForms,
    software: softwareVersion(),
    ...(keyStore === undefined ? {} : { keyStore, maySeal }),
  });
  return { flash, close: () => device.close() };
}

function partWithin(within: DevicePart | undefined): (sectorCount: number) => DevicePart {
  if (within === undefined) return settingsPart;
  return () => {
    const { first, sectors } = settingsPart(within.sectors);
    return { first: within.first + first, sectors };
  };
}

/** A TPM is opened when it is needed: what is plain can be read without it. */
function keyStoreAt(place: KeyStorePlace): KeyStore {
  if (place.kind === 'tpm2') return tpmKeyStore(() => openTpm(place.device), randomOctets);
  const key = readCredential(place.file);
  try {
    return deviceKeyStore(key, randomOctets);
  } catch (cause) {
    const message = cause instanceof RangeError ? cause.message : String(cause);
    throw new HostError('CREDENTIAL_UNREADABLE', `${place.file}: ${message}`);
  } finally {
    key.fill(0);
  }
}

/** How a command's files are read: by the rules of a settings file's own. */
export const fileReaders: SettingsReaders = {
  text: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw new HostError('CONFIG_INVALID', `${path}: cannot be read: ${String(cause)}`, { cause });
    }
  },
  folderOf: (path) => dirname(resolve(path)),
  secret: readCredential,
  trusted: readTrusted,
};
