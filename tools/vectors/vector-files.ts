/** Which files a path means, and their vectors read: Wycheproof's JSON and NIST's response files. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isKnownResponseFile, readResponseFile } from './nist.ts';
import { VectorFileError, type VectorGroup } from './vector-case.ts';
import { readWycheproof } from './wycheproof.ts';

export interface FoundFiles {
  readonly files: readonly string[];
  /** Files of a folder that hold no vectors by their names. */
  readonly ignored: readonly string[];
}

const expected = 'a Wycheproof .json file, a NIST .rsp file or a folder of these';

/**
 * The vector files that a path names, a folder's in order of their names. A file that is named itself is always taken.
 *
 * @throws VectorFileError
 */
export function findVectorFiles(path: string): FoundFiles {
  try {
    if (!statSync(path).isDirectory()) return { files: [path], ignored: [] };
    const all = readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    const files = all.filter((file) => /\.(json|rsp)$/.test(file) || isKnownResponseFile(file));
    return { files, ignored: all.filter((file) => !files.includes(file)) };
  } catch (error) {
    throw readable(path, error);
  }
}

/** Reads a file's vectors. Throws VectorFileError. */
export function readVectorFile(file: string): VectorGroup[] {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw readable(file, error);
  }
  if (file.endsWith('.json')) return readWycheproof(file, content.toString('utf8'));
  if (/\.(rsp|txt)$/.test(file)) return readResponseFile(file, content.toString('latin1'));
  throw new VectorFileError(file, '', expected, 'another name');
}

function readable(path: string, error: unknown): VectorFileError {
  if (error instanceof VectorFileError) return error;
  return new VectorFileError(path, '', expected, error instanceof Error ? error.message : String(error));
}
