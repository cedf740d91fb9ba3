/** Asks the lab's server and routers over their control sockets; the answers are those that `sekisho` shows. */
import { request } from 'node:http';
import { z } from 'zod';
import { ask } from '../../host/cli/control-client.ts';
import { HostError } from '../../host/model/host-error.ts';
import type { RekeyWhat } from '../../host/model/rekey-order.ts';
import {
  managementRowSchema,
  policyRowSchema,
  routerStatusSchema,
  sadRowSchema,
  serverStatusSchema,
  spdRowSchema,
} from '../../host/model/status.ts';

const loggedEventSchema = z.looseObject({
  atMs: z.number(),
  where: z.string(),
  level: z.string(),
  what: z.string(),
  detail: z.string(),
});

export type LoggedEvent = z.output<typeof loggedEventSchema>;
export type SadRow = z.output<typeof sadRowSchema>;

export const readRouterStatus = (socket: string) => ask(socket, '/status', routerStatusSchema);
export const readServerStatus = (socket: string) => ask(socket, '/status', serverStatusSchema);
export const readSpd = (socket: string) => ask(socket, '/spd', z.array(spdRowSchema));
export const readSad = (socket: string) => ask(socket, '/sad', z.array(sadRowSchema));
export const readTable = (socket: string) => ask(socket, '/table', z.array(managementRowSchema));
export const readPolicies = (socket: string) => ask(socket, '/policies', z.array(policyRowSchema));
export const readEvents = (socket: string) => ask(socket, '/events', z.array(loggedEventSchema));

/**
 * Asks a router for new SAs now, for one SPD entry.
 *
 * @throws HostError PLATFORM with the router's own words when it refuses
 */
export async function renew(socket: string, entry: string): Promise<void> {
  const { status, text } = await post(socket, '/renew', JSON.stringify({ entry }));
  if (status !== 200) throw new HostError('PLATFORM', `${socket} refused to renew ${entry}: ${text}`);
}

/**
 * Rekeys one of a channel's SAs now; a router takes no notice of the name.
 *
 * @throws HostError PLATFORM with the process's own words when it refuses
 */
export async function orderRekeying(
  socket: string,
  order: { readonly what: RekeyWhat; readonly router: string },
): Promise<void> {
  const { status, text } = await post(socket, '/rekey', JSON.stringify(order));
  if (status !== 200) throw new HostError('PLATFORM', `${socket} refused to rekey: ${text}`);
}

function post(socketPath: string, path: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request({ socketPath, path, method: 'POST', headers, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 10 s')));
    outgoing.on('error', (cause) =>
      reject(
        new HostError('CONTROL_UNREACHABLE', `nobody answers at ${socketPath}: ${cause.message}`, { cause }),
      ),
    );
    outgoing.end(body);
  });
}
