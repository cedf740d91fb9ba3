/**
 * The field `network` of a router's settings: addresses and routes of a board, which has nobody else to set them. A PC leaves it
 * out. Part of the settings, so that a change of an address is tried, confirmed and taken back like any other.
 */
import { z } from 'zod';
import { formatAddress, parseAddress } from '../model/address.ts';
import { interfaceText } from '../model/name-text.ts';
import { formatPrefix, parsePrefix } from '../model/prefix.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { textOf } from '../model/selector-text.ts';

/** An address with the length of its network, as `ip address` takes it: `192.0.2.1/24`. */
type InterfaceAddress = string;

export interface BoardNetwork {
  /** By interface: its addresses, or that a DHCP server gives it one. */
  readonly addresses: Readonly<Record<string, 'dhcp' | readonly InterfaceAddress[]>>;
  /** `to` is a prefix, or `default`. */
  readonly routes: readonly { readonly to: string; readonly via: string; readonly family: 4 | 6 }[];
}

const addressText = textOf(
  parseInterfaceAddress,
  'an address with the length of its network, such as 192.0.2.1/24',
);
const addressesText = z.union([z.literal('dhcp'), z.array(addressText).min(1).max(16)], {
  error: ({ input }) =>
    Array.isArray(input)
      ? 'expected addresses with the length of their network, such as [192.0.2.1/24]'
      : 'expected dhcp, or a list of addresses such as [192.0.2.1/24]',
});

const routeSchema = z
  .strictObject({
    to: textOf(parseDestination, 'default, or a prefix such as 10.3.0.0/16'),
    via: textOf(parseAddress, 'the address of the next router'),
  })
  .superRefine(({ to, via }, context) => {
    if (to === 'default' || to.includes(':') === (via.family === 6)) return;
    context.addIssue({
      code: 'custom',
      path: ['via'],
      message: `expected an address of the same family as ${to}`,
    });
  })
  .transform(({ to, via }) => ({ to, via: formatAddress(via), family: via.family }));

export const boardNetworkSchema = z
  .strictObject({
    addresses: z.record(interfaceText, addressesText),
    routes: z.array(routeSchema).max(256).default([]),
  })
  .meta({ description: 'on a board: addresses of its interfaces, and routes; a PC leaves it out' });

function parseInterfaceAddress(text: string): Result<InterfaceAddress> {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const parsed = parseAddress(address);
  if (!parsed.ok || Number(length) > (parsed.value.family === 4 ? 32 : 128)) {
    return fail(
      'ADDRESS',
      `expected an address with the length of its network, such as 192.0.2.1/24, found ${text}`,
    );
  }
  return ok(`${formatAddress(parsed.value)}/${Number(length)}`);
}

function parseDestination(text: string): Result<string> {
  if (text === 'default') return ok(text);
  const parsed = parsePrefix(text);
  return parsed.ok ? ok(formatPrefix(parsed.value)) : parsed;
}
