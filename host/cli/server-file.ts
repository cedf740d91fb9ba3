/**
 * The server's file as the commands `server enrol` and `server revoke` change it: read, edited, checked as the server would
 * check it, and replaced as a whole with its owner and mode. The running server is told afterwards, if there is one.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { HostError } from '../model/host-error.ts';
import { writeFileAtomically } from '../platform/files.ts';
import {
  parsePolicyFile,
  type ServerRouter,
  type ServerSettings,
} from '../server/distribution-policies/policy-file.ts';
import { tell } from './control-client.ts';
import { foundProblem } from './output.ts';

export class ServerFile {
  readonly path: string;
  readonly text: string;
  readonly settings: ServerSettings;

  /** @throws HostError CONFIG_INVALID when it cannot be read or has mistakes */
  constructor(path: string) {
    this.path = path;
    try {
      this.text = readFileSync(path, 'utf8');
    } catch (cause) {
      throw new HostError('CONFIG_INVALID', `${path}: cannot be read: ${String(cause)}`, { cause });
    }
    this.settings = parsePolicyFile(this.text, path);
  }

  router(name: string): ServerRouter | undefined {
    return this.settings.routers.find((router) => router.name === name);
  }

  /** A path as the file means it. */
  beside(path: string): string {
    return resolve(dirname(this.path), path);
  }

  /** The edited text, once it is a right file. @throws HostError CONFIG_INVALID where it would not be */
  check(text: string | undefined): string {
    if (text === undefined) {
      throw new HostError(
        'CONFIG_INVALID',
        `${this.path}: routers is no list that this command can edit; edit it by hand`,
      );
    }
    parsePolicyFile(text, this.path);
    return text;
  }

  /** Replaces the file by a text that `check` has passed. */
  replace(text: string): void {
    const { mode, uid, gid } = statSync(this.path);
    writeFileAtomically(this.path, text, mode & 0o777, { uid, gid });
  }

  /** Writes a secret beside the file, for whoever owns the file. */
  writeSecret(path: string, content: string): void {
    const { uid, gid } = statSync(this.path);
    writeFileAtomically(this.beside(path), content, 0o600, { uid, gid });
  }
}

const reloadedSchema = z.object({ problem: z.string().nullable() });

export interface Told {
  /** A server runs, and what it has in force is the file. */
  readonly running: boolean;
  /** Why a server that is there has not taken the file; null where it has, or where none is there. */
  readonly problem: string | null;
}

/** Lets the running server take the file now. The file is written by then: whatever the server makes of it is no error. */
export async function tellServer(socket: string): Promise<Told> {
  try {
    const { problem } = await tell(socket, '/reload', reloadedSchema);
    if (problem === null) return { running: true, problem: null };
    return { running: false, problem: `the running server refused: ${problem}` };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { running: false, problem: isNobodyThere(error) ? null : error.message };
  }
}

/** Warns of a server that has not taken the file, and lets the command end with exit code 1. */
export function warnUnlessTaken({ problem }: Told, file: string): void {
  if (problem === null) return;
  process.stderr.write(`sekisho: warning: ${file} is changed, but not in force: ${problem}\n`);
  foundProblem();
}

function isNobodyThere({ code, cause }: HostError): boolean {
  const why = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'CONTROL_UNREACHABLE' && (why === 'ENOENT' || why === 'ECONNREFUSED');
}
