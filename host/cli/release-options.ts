/** Options that several release commands share, and how they are read. */
import { InvalidArgumentError } from 'commander';
import { isBoardName } from '../release/board-name.ts';
import { defaultDays, isRoleName, type RoleName, roleNames } from '../release/role.ts';
import { isVersion } from '../release/version.ts';
import type { OutputOptions } from './output.ts';
import type { PassphraseOptions } from './passphrase.ts';

export interface RepositoryOptions extends OutputOptions, PassphraseOptions {
  readonly repository: string;
}

type Numbers = Readonly<Partial<Record<RoleName, number>>>;

export function role(text: string): RoleName {
  if (isRoleName(text)) return text;
  throw new InvalidArgumentError(`expected one of ${roleNames.join(', ')}.`);
}

export function board(text: string): string {
  if (isBoardName(text)) return text;
  throw new InvalidArgumentError('expected the name of a folder in boards/.');
}

export function version(text: string): string {
  if (isVersion(text)) return text;
  throw new InvalidArgumentError('expected a version as in 1.4.0 or 1.4.0-rc.1 (semver.org).');
}

/** Collects `role=2` of a repeated option. */
export function threshold(text: string, before: Numbers = {}): Numbers {
  return roleNumber(text, before, 16);
}

/** Collects `role=90` of a repeated option. */
export function days(text: string, before: Numbers = {}): Numbers {
  return roleNumber(text, before, 3650);
}

export function daysWith(given: Numbers | undefined): Record<RoleName, number> {
  return { ...defaultDays, ...given };
}

function roleNumber(text: string, before: Numbers, most: number): Numbers {
  const [name = '', number = ''] = text.split('=');
  const value = Number(number);
  if (isRoleName(name) && Number.isInteger(value) && value >= 1 && value <= most) {
    return { ...before, [name]: value };
  }
  throw new InvalidArgumentError(
    `expected ROLE=N, N from 1 to ${most}, ROLE one of ${roleNames.join(', ')}.`,
  );
}
