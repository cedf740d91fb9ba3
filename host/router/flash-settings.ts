/**
 * Settings on a config flash, changed by command: what `apply`, `set` and `rollback` write, checked whole before anything of it
 * is written. Whether a router runs with them is not known here.
 */
import type { ConfigFlash, FlashFailure, RevisionView } from '../flash/config-flash.ts';
import { type CredentialFiles, wipeCredentials } from '../flash/credential-files.ts';
import type { Trial } from '../flash/record.ts';
import { holdsSecret } from '../model/credential-sources.ts';
import { HostError, type HostErrorCode } from '../model/host-error.ts';
import type { Result } from '../model/result.ts';
import type { ConfigCommand } from './config-command.ts';
import {
  type FileReaders,
  type FlashSettings,
  fingerprint,
  routerSettings,
  settingsForFlash,
} from './flash-document.ts';
import { withField } from './flash-edit.ts';
import { parseRouterFile } from './settings-file.ts';

/** A settings file, and how those that it names are read. Throw HostError. */
export interface SettingsReaders extends FileReaders {
  readonly text: (path: string) => string;
  readonly folderOf: (path: string) => string;
}

type Change = Extract<ConfigCommand, { what: 'apply' | 'set' | 'rollback' }>;

/**
 * Writes what the command says as a revision.
 *
 * @param isTried true to write it on trial
 * @returns its number; undefined when these are the settings in force
 * @throws HostError with nothing written
 */
export function writeChange(
  flash: ConfigFlash,
  command: Change,
  readers: SettingsReaders,
  isTried: boolean,
): number | undefined {
  const changed = changedSettings(flash, command, readers);
  try {
    const { current } = flash;
    if (current !== undefined && sameAs(flash, current, changed)) return undefined;
    const trial: Trial = { seconds: command.seconds, isManual: command.isManual };
    const draft = { ...changed, origin: command.what, ...(isTried ? { trial } : {}) };
    return orThrow(flash.write(draft));
  } finally {
    wipeCredentials(changed.credentials);
  }
}

/** The value, or the failure thrown as HostError. */
export function orThrow<Value>(result: Result<Value, FlashFailure>): Value {
  if (result.ok) return result.value;
  throw new HostError(errorCodes[result.code], `the config flash: ${result.message}`);
}

/** Credentials of a revision; the caller wipes them. Throws HostError. */
export function credentialsOf(flash: ConfigFlash, revision: RevisionView): CredentialFiles {
  return orThrow(flash.credentials(revision.number));
}

const errorCodes: Readonly<Record<FlashFailure, HostErrorCode>> = {
  FULL: 'CAPACITY',
  DEVICE: 'FLASH',
  FOREIGN: 'FLASH',
  REVISION: 'USAGE',
  KEY_STORE: 'CREDENTIAL_UNREADABLE',
  RECORD: 'FLASH',
};

function changedSettings(flash: ConfigFlash, command: Change, readers: SettingsReaders): FlashSettings {
  switch (command.what) {
    case 'apply':
      return applied(flash, command.file, readers);
    case 'set': {
      const current = needed(flash.current, 'there are no settings yet: write them by `config apply FILE`');
      const document = withField(current.document, command.path, command.value);
      routerSettings(document, command.path);
      return { document, credentials: credentialsOf(flash, current) };
    }
    case 'rollback': {
      const previous = needed(flash.previous, 'there are no settings from before to go back to');
      return { document: previous.document, credentials: credentialsOf(flash, previous) };
    }
  }
}

function applied(flash: ConfigFlash, file: string, readers: SettingsReaders): FlashSettings {
  const text = readers.text(file);
  // A file with a key in it is a credential.
  if (holdsSecret(parseRouterFile(text, file).credential)) readers.secret(file).fill(0);
  const kept = flash.current === undefined ? new Map() : credentialsOf(flash, flash.current);
  try {
    return settingsForFlash(text, { name: file, folder: readers.folderOf(file) }, readers, kept);
  } finally {
    wipeCredentials(kept);
  }
}

function sameAs(flash: ConfigFlash, current: RevisionView, changed: FlashSettings): boolean {
  const credentials = credentialsOf(flash, current);
  const isSame = fingerprint({ document: current.document, credentials }) === fingerprint(changed);
  wipeCredentials(credentials);
  return isSame;
}

function needed<Value>(value: Value | undefined, otherwise: string): Value {
  if (value === undefined) throw new HostError('USAGE', otherwise);
  return value;
}
