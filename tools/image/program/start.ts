/** What Node runs in the image, in each of its threads: the router's code, with what was compiled of it when the image was built. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { cacheFile, codeFile, codeScript } from './compiled-code.ts';

function cacheOrReason(): Buffer | string {
  try {
    return readFileSync(cacheFile);
  } catch (error) {
    return String(error);
  }
}

type CommonJsModule = (...module: readonly unknown[]) => void;

const cache = cacheOrReason();
const script = codeScript(readFileSync(codeFile, 'utf8'), typeof cache === 'string' ? undefined : cache);
const refused =
  typeof cache === 'string'
    ? cache
    : script.cachedDataRejected
      ? `Node ${process.version} refuses ${cacheFile}, which another version or other flags made`
      : undefined;
if (refused !== undefined && isMainThread)
  console.error(`sekisho: the code is compiled anew, the start takes longer: ${refused}`);

const module = { exports: {} };
const run = script.runInThisContext() as CommonJsModule;
run(module.exports, createRequire(codeFile), module, codeFile, dirname(codeFile));
