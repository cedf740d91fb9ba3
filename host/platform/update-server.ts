/**
 * A repository on a web server. Who answers there is not trusted, and need not be: TLS or not makes no difference to what is
 * installed. So what is bounded here is time and size. Redirects are not followed.
 */
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { HostError } from '../model/host-error.ts';
import { Refusal } from '../release/refusal.ts';
import type { UpdateSource } from '../release/update-source.ts';

/** Nothing was heard for so long: the connection is given up. */
const silenceMs = 20_000;
/** A metadata file takes no longer, however it trickles in. */
const fileMs = 60_000;
/** A payload that comes slower than this is given up, and asked for again from where it was. */
const leastOctetsASecond = 1024;

/**
 * @param address of the repository's folder, with http: or https:
 * @throws HostError USAGE for anything else
 */
export function updateServer(address: string): UpdateSource {
  let base: URL;
  try {
    base = new URL(address.endsWith('/') ? address : `${address}/`);
  } catch (cause) {
    throw new HostError('USAGE', `${address}: expected http://HOST/PATH/ or https://HOST/PATH/`, { cause });
  }
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new HostError('USAGE', `${address}: expected http: or https:, found ${base.protocol}`);
  }
  const name = `${base.origin}${base.pathname}`;
  return {
    name,
    async file(path, longest) {
      const response = await ask(new URL(path, base), 0);
      if (response === undefined) return undefined;
      const parts: Buffer[] = [];
      let octets = 0;
      for await (const part of paced(response, path, name, Date.now() + fileMs)) {
        octets += part.length;
        if (octets > longest) {
          throw new Refusal('TOO_LONG', `${name}${path} is longer than the ${longest} octets that are taken`);
        }
        parts.push(part);
      }
      return Buffer.concat(parts);
    },
    async *octets(path, offset) {
      const response = await ask(new URL(path, base), offset);
      if (response === undefined) throw new Refusal('UNREACHABLE', `${name} has no ${path}`);
      // A server that knows no Range sends everything; what we have is passed over.
      let skip = response.statusCode === 206 ? 0 : offset;
      for await (const part of paced(response, path, name, undefined)) {
        const used = part.subarray(Math.min(skip, part.length));
        skip -= part.length - used.length;
        if (used.length > 0) yield used;
      }
    },
    close: () => undefined,
  };
}

/** The answer; undefined for a file that is not there. */
function ask(url: URL, offset: number): Promise<IncomingMessage | undefined> {
  return new Promise((resolve, reject) => {
    const unreachable = (why: string, cause?: unknown): Refusal =>
      new Refusal('UNREACHABLE', `${url.href}: ${why}`, { cause });
    const outgoing = (url.protocol === 'https:' ? httpsGet : httpGet)(
      url,
      // No connection is kept: they are few, and a router sleeps for weeks in between.
      { agent: false, timeout: silenceMs, headers: offset > 0 ? { range: `bytes=${offset}-` } : {} },
      (response) => {
        const { statusCode = 0, headers } = response;
        if (statusCode === 200 || (statusCode === 206 && startsAt(headers['content-range'], offset))) {
          resolve(response);
          return;
        }
        response.destroy();
        if (statusCode === 404 || statusCode === 403) resolve(undefined);
        else if (headers.location !== undefined) {
          reject(unreachable(`the server points to ${headers.location}; name that address itself`));
        } else reject(unreachable(`the server answered with status ${statusCode}`));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no word for ${silenceMs / 1000} s`)));
    outgoing.on('error', (error) => reject(unreachable(error.message, error)));
  });
}

function startsAt(range: string | undefined, offset: number): boolean {
  return range?.startsWith(`bytes ${offset}-`) === true;
}

/** What arrives, as long as it does in time. */
async function* paced(
  response: IncomingMessage,
  path: string,
  name: string,
  endsAt: number | undefined,
): AsyncGenerator<Buffer> {
  const startedAt = Date.now();
  let octets = 0;
  try {
    for await (const part of response) {
      const now = Date.now();
      octets += (part as Buffer).length;
      const isSlow = octets < (leastOctetsASecond * (now - startedAt - silenceMs)) / 1000;
      if (isSlow || (endsAt !== undefined && now > endsAt)) throw new Error('it comes too slowly');
      yield part as Buffer;
    }
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal('UNREACHABLE', `${name}${path} broke off after ${octets} octets: ${why}`, { cause });
  } finally {
    response.destroy();
  }
}
