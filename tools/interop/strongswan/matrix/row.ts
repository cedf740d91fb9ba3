/** A row of the matrix: what differs from the plain conversation, in one role of strongSwan or in both. */
import { type Combination, type Role, roles } from './combination.ts';

/** What every combination has that is about something else. */
const plain = { ike: 'aes256gcm16-prfsha256-x25519', esp: 'aes256gcm16', steps: [] } as const;

export type Row = Omit<Combination, 'role' | keyof typeof plain> &
  Partial<Pick<Combination, keyof typeof plain>>;

export function as(role: Role, row: Row): Combination {
  return { ...plain, ...row, role };
}

/** The row with strongSwan in both roles. */
export function both(row: Row): Combination[] {
  return roles.map((role) => as(role, row));
}
