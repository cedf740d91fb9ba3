/**
 * A plain web server for the files of a folder, and nothing more: `file-server.ts FOLDER ADDRESS PORT`. Prints a line when it listens.
 * Knows `Range: bytes=N-`, as every web server does, since a download that broke off goes on from where it was.
 */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';

const [folder = '.', address = '127.0.0.1', port = '0'] = process.argv.slice(2);

const server = createServer((request, response) => {
  // Normalized as an absolute path: it cannot lead out of the folder.
  const path = join(folder, normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname)));
  const size = sizeOf(path);
  if (size === undefined) {
    response.writeHead(404).end();
    return;
  }
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  if (start > 0 && start >= size) {
    response.writeHead(416).end();
    return;
  }
  response.writeHead(from === undefined ? 200 : 206, {
    'content-length': size - start,
    ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
  });
  createReadStream(path, { start })
    .on('error', () => response.destroy())
    .pipe(response);
});
server.listen(Number(port), address, () => console.log(`files of ${folder} at ${address}:${port}`));

function sizeOf(path: string): number | undefined {
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined; // It is not there.
  }
}
