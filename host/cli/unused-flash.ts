/** A config flash that no router uses, changed and shown by the command itself. Loaded only when a device is named. */
import type { ConfigFlash } from '../flash/config-flash.ts';
import type { FlashState } from '../model/status.ts';
import { type ConfigRequest, parseConfigCommand } from '../router/config-command.ts';
import { settingsText } from '../router/flash-document.ts';
import { type FlashPaths, fileReaders, openFlash } from '../router/flash-opening.ts';
import { orThrow, writeChange } from '../router/flash-settings.ts';
import { clearForeignState } from '../router/state-opening.ts';

/** Writes a change that is in force when a router starts. Returns its revision; undefined when nothing had to change. Throws HostError. */
export function changeUnusedFlash(paths: FlashPaths, request: ConfigRequest): number | undefined {
  const command = parseConfigCommand(request);
  if (command.what === 'confirm' || command.what === 'factory-reset') return undefined;
  return withFlash(paths, 'write', (flash) => {
    flash.repair();
    return writeChange(flash, command, fileReaders, false);
  });
}

/** Settings in force and the state of the device. Throws HostError. */
export function lookAtUnusedFlash(paths: FlashPaths): {
  readonly state: FlashState;
  readonly settings: string | null;
} {
  return withFlash(paths, 'read', (flash) => {
    const status = flash.status();
    const state: FlashState = {
      device: paths.device,
      ...status,
      // Nobody is trying it: the next start takes it back.
      trial: null,
      last: null,
      copies: status.copies.map((copy) => ({ ...copy })),
      problems: [...status.problems],
    };
    return { state, settings: flash.current === undefined ? null : settingsText(flash.current.document) };
  });
}

/** Overwrites the settings; what else survives a restart stays, where it is ours. Throws HostError. */
export function resetUnusedFlash(paths: FlashPaths, overwrite: boolean): void {
  withFlash(paths, 'write', (flash) => orThrow(flash.reset(overwrite)));
  if (overwrite) clearForeignState(paths.device);
}

function withFlash<Value>(
  paths: FlashPaths,
  access: 'read' | 'write',
  use: (flash: ConfigFlash) => Value,
): Value {
  const { flash, close } = openFlash(paths, access);
  try {
    return use(flash);
  } finally {
    close();
  }
}
