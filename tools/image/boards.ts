/** The folders of boards/, and what must hold for a board before anything is built for it. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Board, EthernetPort, Side } from '../../boards/board.ts';
import { HostError } from '../../host/model/host-error.ts';

const folder = fileURLToPath(new URL('../../boards', import.meta.url));

/** GPT's limit is far away; a slot of this size no longer fits the smallest flash that is sold. */
const slotMebibytes = { least: 16, most: 1024 };
const configMebibytes = { least: 1, most: 1024 };
/** The counters of watchdogs are small: i6300esb and iTCO_wdt take at most ten minutes. */
const watchdogSeconds = { least: 10, most: 600 };

export function boardNames(): string[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'board.ts')))
    .sort();
}

/** The data of a board. Throws HostError CONFIG_INVALID with what its file has wrong. */
export async function loadBoard(name: string): Promise<Board> {
  const file = join(folder, name, 'board.ts');
  const { board } = (await import(file)) as { board: Board };
  checkBoard(board, `boards/${name}/board.ts`);
  return board;
}

/** What the type does not say. Throws HostError CONFIG_INVALID. */
export function checkBoard(board: Board, file: string): void {
  const refuse = (what: string): never => {
    throw new HostError('CONFIG_INVALID', `${file}: ${what}`);
  };
  const inRange = (name: string, value: number, { least, most }: { least: number; most: number }) => {
    if (!Number.isInteger(value) || value < least || value > most)
      refuse(`${name}: expected a whole number from ${least} to ${most}, found ${value}`);
  };
  inRange('slotMebibytes', board.slotMebibytes, slotMebibytes);
  inRange('configMebibytes', board.configMebibytes, configMebibytes);
  inRange('watchdog.timeoutSeconds', board.watchdog.timeoutSeconds, watchdogSeconds);
  const modules = [
    ...[...board.modules.disk, ...board.modules.devices, ...board.watchdog.modules],
    ...(board.keyStore?.modules ?? []),
  ];
  for (const module of modules) if (!/^\w+$/.test(module)) refuse(`modules: expected names, found ${module}`);
  if (board.keyStore === undefined && board.qemu?.tpm !== undefined)
    refuse('qemu.tpm: the board has no keyStore of kind tpm2');
  if (!/^tty\w+(,\d+\w*)?$/.test(board.console))
    refuse(`console: expected a serial line such as ttyS0,115200, found ${board.console}`);
  if (!/^linux-image-[a-z0-9-]+$/.test(board.kernel))
    refuse(`kernel: expected a package such as linux-image-amd64, found ${board.kernel}`);
  for (const side of ['unprotected', 'protected'] as const)
    if (!board.ports.some((port) => port.side === side)) refuse(`ports: none on the ${side} side`);
  const places = board.ports.map(({ at }) => at);
  if (new Set(places).size !== places.length) refuse('ports: two of them are at one place');
  for (const at of places)
    if (!/^[\w.:@-]+$/.test(String(at))) refuse(`ports: expected a bus address or a number, found ${at}`);
}

/** The interface's name in the image: side and number within it, `protected0`. */
export function interfaceName(ports: readonly EthernetPort[], port: EthernetPort): string {
  const side: Side = port.side;
  return `${side}${ports.filter((other) => other.side === side).indexOf(port)}`;
}
