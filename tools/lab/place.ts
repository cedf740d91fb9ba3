/**
 * The one place where a lab leaves its traces: a folder with its configuration, logs, sockets and `state.json`, which names
 * every process that it started. Whatever ends the lab, even `kill -9`, the next start finds the place and clears it.
 */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { HostError } from '../../host/model/host-error.ts';
import { processStartTime, removeNamespaces } from './namespaces.ts';

const processSchema = z.object({ pid: z.number(), startTime: z.number(), what: z.string() });
const stateSchema = z.object({
  boot: z.string(),
  lab: processSchema,
  processes: z.array(processSchema),
  userNamespace: z.boolean(),
});

export type RecordedProcess = z.infer<typeof processSchema>;
export type LabState = z.infer<typeof stateSchema>;

/** The kernel's number for a file system in memory (linux/magic.h). */
const TMPFS_MAGIC = 0x01021994;

/**
 * Folder of the lab called `name`, by user, so that a user namespace sees the same one. In memory where there is such a
 * file system: keys do not reach a disk, and what is measured is Sekisho and not this machine's disk.
 */
export function placeFolder(name: string): string {
  // Inside the user namespace everybody is root; the outer user's number comes along in the environment.
  const user = process.env.SEKISHO_LAB_USER ?? String(process.getuid?.() ?? 0);
  return join(isInMemory() ? '/dev/shm' : '/tmp', `sekisho-lab-${user}`, name);
}

/** True when the lab's files, the server's database among them, lie in memory. */
export function isInMemory(): boolean {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return statfsSync('/dev/shm').type === TMPFS_MAGIC;
  } catch {
    return false;
  }
}

/** What a lab wrote about itself; undefined when there is none, or none of this boot. */
export function readState(name: string): LabState | undefined {
  const path = join(placeFolder(name), 'state.json');
  if (!existsSync(path)) return undefined;
  const parsed = stateSchema.safeParse(parseJson(readFileSync(path, 'utf8')));
  return parsed.success && parsed.data.boot === bootId() ? parsed.data : undefined;
}

/** True while the very process that was recorded still runs. */
export function isRunning(recorded: RecordedProcess): boolean {
  return processStartTime(recorded.pid) === recorded.startTime;
}

export class Place {
  readonly folder: string;
  readonly name: string;
  #state: LabState;

  private constructor(name: string, folder: string, state: LabState) {
    this.name = name;
    this.folder = folder;
    this.#state = state;
  }

  /**
   * Takes the place for this process, after clearing what a crashed lab of the same name left behind.
   *
   * @param say gets a line for what was cleared
   * @throws HostError USAGE when a lab of this name is up, PLATFORM when the folder belongs to somebody else
   */
  static take(name: string, say: (line: string) => void): Place {
    const folder = placeFolder(name);
    const earlier = readState(name);
    if (earlier !== undefined && isRunning(earlier.lab)) {
      throw new HostError(
        'USAGE',
        `a lab called "${name}" is already up (process ${earlier.lab.pid}): end it with Ctrl-C or kill ${earlier.lab.pid}, or start another with --name`,
      );
    }
    clear(name, folder, earlier, say);
    mkdirSync(join(folder, '..'), { recursive: true, mode: 0o700 });
    refuseStrangersFolder(join(folder, '..'));
    mkdirSync(folder, { mode: 0o700 });
    const place = new Place(name, folder, {
      boot: bootId(),
      lab: { pid: process.pid, startTime: processStartTime(process.pid) ?? 0, what: 'lab' },
      processes: [],
      userNamespace: process.env.SEKISHO_LAB_USER !== undefined,
    });
    place.#write();
    return place;
  }

  /** Path of a file in the place. */
  path(file: string): string {
    return join(this.folder, file);
  }

  /** Writes a process down, so that it can be found again. */
  record(pid: number, what: string): void {
    const startTime = processStartTime(pid);
    if (startTime === undefined) return;
    const living = this.#state.processes.filter(isRunning);
    this.#state = { ...this.#state, processes: [...living, { pid, startTime, what }] };
    this.#write();
  }

  /** Removes namespaces and folder; the processes are ended by then. */
  leave(): void {
    for (const recorded of this.#state.processes) kill(recorded);
    removeNamespaces(this.name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #write(): void {
    const draft = this.path('state.json.new');
    writeFileSync(draft, JSON.stringify(this.#state, undefined, 2), { mode: 0o600 });
    renameSync(draft, this.path('state.json'));
  }
}

function clear(
  name: string,
  folder: string,
  earlier: LabState | undefined,
  say: (line: string) => void,
): void {
  const processes = (earlier?.processes ?? []).filter(isRunning);
  for (const recorded of processes) kill(recorded);
  const namespaces = removeNamespaces(name);
  const found = existsSync(folder);
  if (found) rmSync(folder, { recursive: true, force: true });
  if (found || namespaces > 0) {
    say(`cleared what an earlier lab left: ${processes.length} processes, ${namespaces} namespaces`);
  }
}

function kill(recorded: RecordedProcess): void {
  if (!isRunning(recorded)) return;
  try {
    process.kill(recorded.pid, 'SIGKILL');
  } catch {
    // It ended between the look and the kill.
  }
}

/** Both are everybody's: a folder that another user made there must not get our keys. */
function refuseStrangersFolder(folder: string): void {
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? 0) || (found.mode & 0o077) !== 0) {
    throw new HostError(
      'PLATFORM',
      `${folder} is not a folder of this user's alone; remove it and start again`,
    );
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
