/**
 * The router's code as V8 takes it: the text, and what V8 made of it when the image was built (its code cache). Builder and
 * image make the same script, or V8 would not take the one's cache for the other.
 */
import { constants, Script } from 'node:vm';

/** In the image; stands in stack traces, and in the cache. */
export const codeFile = '/usr/lib/sekisho/host/image/sekisho.cjs';
export const cacheFile = '/usr/lib/sekisho/host/image/sekisho.cache';

/**
 * A script whose value is a CommonJS module's function. Its `cachedDataRejected` is true when V8 does not take `cache`, because another
 * version made it or flags differ; then everything is compiled anew.
 *
 * @param text content of codeFile
 */
export function codeScript(text: string, cache?: Buffer): Script {
  return new Script(`(function(exports,require,module,__filename,__dirname){${text}\n})`, {
    filename: codeFile,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cache && { cachedData: cache }),
  });
}
