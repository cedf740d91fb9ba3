/** The four roles of The Update Framework (specification 1.0, section 2.1), and how long what each of them signs is good for. */
export const roleNames = ['root', 'targets', 'snapshot', 'timestamp'] as const;

export type RoleName = (typeof roleNames)[number];

/**
 * Days until what a role signed expires. Root and targets are signed by hand, from keys in a drawer, so a year; snapshot and
 * timestamp by a machine that does it daily. The last is also the longest that an attacker between can hide a release.
 */
export const defaultDays: Readonly<Record<RoleName, number>> = {
  root: 365,
  targets: 365,
  snapshot: 30,
  timestamp: 14,
};

export function isRoleName(text: string): text is RoleName {
  return (roleNames as readonly string[]).includes(text);
}
