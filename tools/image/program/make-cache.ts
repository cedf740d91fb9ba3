/**
 * Run by the image's Node when the image is built, with `--random-seed=1` for the same octets each time: writes to its second
 * argument the code cache of the code in its first. Nothing of the code is run. Functions that V8 compiles when they are first called
 * are in the cache as it has read them, not as it would have compiled them: the whole of them would be four times as much.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { codeScript } from './compiled-code.ts';

const [, , code = '', cache = ''] = process.argv;
writeFileSync(cache, codeScript(readFileSync(code, 'utf8')).createCachedData());
