/**
 * Names as people type them in both settings files: of routers, SPD entries and kinds. One form for all, so that a name that
 * the router's file takes is one that the server's file takes, and both fit into a message (host/messages/limits.ts).
 */
import { z } from 'zod';

export const nameText = z
  .string('expected a name')
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'expected 1 to 63 letters, digits, ".", "_", "-", a letter or digit first and last',
  );

/** Linux's own rule (IFNAMSIZ: 16 octets with the terminating zero; no slash, no colon, no white space). */
export const interfaceText = z
  .string()
  .regex(
    /^[^\s/:]{1,15}$/,
    'expected an interface name of at most 15 characters, without white space, "/" and ":"',
  )
  .refine((text) => Buffer.byteLength(text) <= 15, 'expected an interface name of at most 15 octets')
  .refine((text) => text !== '.' && text !== '..', 'expected an interface name, found a folder');
