/**
 * The project's own sources as the architecture tests read them: which files there are, their text without comments,
 * and what they import. Imports are found by pattern, not by a compiler: `import … from`, `export … from`,
 * `import('…')` and `new URL('….ts', import.meta.url)` (how a worker is started) are all the forms that are in use.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the root for a relative import; undefined for a package or `node:`. */
  readonly path: string | undefined;
  /** `import type` and `export type … from`: gone at run time. */
  readonly typeOnly: boolean;
  /** `import('…')`: loaded only when the statement is reached. */
  readonly dynamic: boolean;
}

/** Every hand-written source file under the named folders, as sorted paths from the root. */
export function sourceFiles(...folders: readonly string[]): string[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,js,mjs,py}`, { cwd: root }))
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The text with comments replaced by spaces; strings stay, line numbers too. */
export function withoutComments(text: string): string {
  const tokens =
    /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(tokens, (token) =>
    token.startsWith('//') || token.startsWith('/*') ? token.replace(/[^\n]/g, ' ') : token,
  );
}

/** What the source `text` of the file at `path` imports. */
export function importsIn(path: string, text: string): Import[] {
  // A template literal may hold a whole script for a child process; what that imports is not ours to load.
  const code = withoutComments(text).replace(/`(?:[^`\\]|\\[\s\S])*`/g, (literal) =>
    literal.replace(/[^\n]/g, ' '),
  );
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean, dynamic: boolean): void => {
    const relative = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : undefined;
    found.push({ specifier, path: relative, typeOnly, dynamic });
  };
  const statement = /^[ \t]*(?:import|export)\b(\s+type\b)?(?:[^;'"`()]*?\bfrom\b)?\s*(['"])([^'"\n]+)\2/gm;
  for (const match of code.matchAll(statement)) add(match[3] as string, match[1] !== undefined, false);
  for (const match of code.matchAll(/\bimport\(\s*(['"])([^'"\n]+)\1/g)) add(match[2] as string, false, true);
  for (const match of code.matchAll(/\bnew URL\(\s*(['"])(\.[^'"\n]+\.ts)\1/g))
    add(match[2] as string, false, true);
  return found;
}

export function importsOf(path: string): Import[] {
  return importsIn(path, read(path));
}

/** Every file that is loaded when `entry` is, by static imports alone. */
export function loadedBy(entry: string): Set<string> {
  const loaded = new Set<string>();
  const open = [entry];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (loaded.has(path)) continue;
    loaded.add(path);
    for (const one of importsOf(path))
      if (one.path !== undefined && !one.typeOnly && !one.dynamic) open.push(one.path);
  }
  return loaded;
}
