/** Reads YAML settings files for `sekisho policy`, and tells a server's file from a router's. */
import { readFileSync, statSync } from 'node:fs';
import { isMap, parseDocument } from 'yaml';
import { HostError } from '../model/host-error.ts';

/** More than any file that a person typed. */
const maximumOctets = 4 * 1024 * 1024;

export interface SettingsText {
  readonly file: string;
  readonly text: string;
  readonly role: 'server' | 'router';
}

/** Fields that only one of the two files has at its top. */
const serverFields = ['routers', 'distributionPolicies'];
const routerFields = ['spd', 'unprotected', 'protected', 'tunnel'];

/**
 * The file's text and whose settings it holds.
 *
 * @throws HostError CONFIG_INVALID when it cannot be read, or is neither
 */
export function readSettings(file: string): SettingsText {
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > maximumOctets) throw new Error(`it has ${size} octets, expected at most ${maximumOctets}`);
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HostError('CONFIG_INVALID', `cannot read ${file}: ${reason}`, { cause });
  }
  return { file, text, role: roleOf(file, text) };
}

function roleOf(file: string, text: string): SettingsText['role'] {
  const { contents, errors } = parseDocument(text, { prettyErrors: false });
  const hasAny = (fields: readonly string[]): boolean =>
    isMap(contents) && fields.some((field) => contents.has(field));
  if (hasAny(serverFields)) return 'server';
  if (hasAny(routerFields)) return 'router';
  // Its own reader says best where a file breaks off; which of the two it is makes no difference then.
  if (errors.length > 0) return 'router';
  throw new HostError(
    'CONFIG_INVALID',
    `${file}: expected the settings of a server (${serverFields.join(', ')}) or of a router ` +
      `(${routerFields.join(', ')}), found none of these fields at the top`,
  );
}
