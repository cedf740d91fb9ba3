/**
 * Asks a running router or server over its control socket (host/platform/control-socket.ts has the other end). What comes
 * back is checked against a schema, so that a process of another version leads to one clear line and not to a stack.
 */
import { request } from 'node:http';
import type { z } from 'zod';
import { HostError } from '../model/host-error.ts';

export const routerSocket = '/run/sekisho/router.sock';
export const serverSocket = '/run/sekisho/server.sock';

/** The management table of a hundred thousand pairs takes a third of this. */
const maximumAnswerOctets = 64 * 1024 * 1024;
const timeoutMs = 10_000;

/**
 * The answer to `GET resource` at the Unix socket `path`, as `schema` describes it.
 *
 * @throws HostError CONTROL_UNREACHABLE when nobody answers, with what to do; PLATFORM when the answer makes no sense;
 *   whatever code the process itself gave
 */
export async function ask<Schema extends z.ZodType>(
  path: string,
  resource: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  return await answerOf('GET', path, resource, schema);
}

/** As `ask`, for `POST resource`: something is to happen, as `body` says in JSON, and may take so long. */
export async function tell<Schema extends z.ZodType>(
  path: string,
  resource: string,
  schema: Schema,
  body?: object,
  withinMs = timeoutMs,
): Promise<z.output<Schema>> {
  return await answerOf('POST', path, resource, schema, body, withinMs);
}

async function answerOf<Schema extends z.ZodType>(
  method: 'GET' | 'POST',
  path: string,
  resource: string,
  schema: Schema,
  body?: object,
  withinMs = timeoutMs,
): Promise<z.output<Schema>> {
  const { status, text } = await fetchText(method, path, resource, body, withinMs);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HostError('PLATFORM', `${path} answered ${resource} with something that is no JSON`, { cause });
  }
  if (status !== 200) {
    const message = isRecord(value) && typeof value.message === 'string' ? value.message : `status ${status}`;
    throw new HostError(
      'PLATFORM',
      status === 404
        ? `the process at ${path} has no ${resource} (${message}); is it a router where a server was meant, or the reverse?`
        : `the process at ${path} could not answer ${resource}: ${message}`,
    );
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new HostError(
    'PLATFORM',
    `${path} answered ${resource} in a form that this version does not know (${issue?.path.join('.')}: ` +
      `${issue?.message}); run the same version of sekisho here and there`,
  );
}

function fetchText(
  method: 'GET' | 'POST',
  path: string,
  resource: string,
  body: object | undefined,
  withinMs: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: path, path: resource, method, timeout: withinMs }, (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on('data', (part: Buffer) => {
        length += part.length;
        if (length > maximumAnswerOctets) outgoing.destroy(new Error('the answer is too long'));
        else parts.push(part);
      });
      response.on('error', (error) => reject(unreachable(path, error)));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
      );
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${withinMs / 1000} s`)));
    outgoing.on('error', (error) => reject(unreachable(path, error)));
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function unreachable(path: string, error: NodeJS.ErrnoException): HostError {
  const advice =
    error.code === 'EACCES'
      ? 'only its owner may ask: run this as the same user (usually root)'
      : error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
        ? 'is it running on this machine? Start `sekisho router` or `sekisho server`, or name its socket with --socket'
        : error.message;
  return new HostError('CONTROL_UNREACHABLE', `nobody answers at ${path}: ${advice}`, { cause: error });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
