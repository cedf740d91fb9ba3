/** What a person may order over the control socket of a router or a server: an SA of a channel is to be rekeyed now. */
import { z } from 'zod';
import { HostError } from './host-error.ts';

const rekeyWhats = ['child', 'ike-sa'] as const;
export type RekeyWhat = (typeof rekeyWhats)[number];

const orderSchema = z.object({ what: z.enum(rekeyWhats), router: z.string().optional() });

/**
 * The body of `POST /rekey`. `router` is for a server alone, which has a channel with each.
 *
 * @throws HostError USAGE with the form that was expected
 */
export function rekeyOrder(body: unknown): { readonly what: RekeyWhat; readonly router: string | undefined } {
  const order = orderSchema.safeParse(body);
  if (order.success) return { what: order.data.what, router: order.data.router };
  throw new HostError(
    'USAGE',
    'expected {"what": "child"} or {"what": "ike-sa"}, at a server also "router": its name',
  );
}

/** @throws HostError USAGE unless there was a channel to rekey */
export function refuseWithoutChannel(isThere: boolean): { readonly rekeying: true } {
  if (isThere) return { rekeying: true };
  throw new HostError('USAGE', 'expected a channel that is up: there is none to rekey');
}
