/** What a router's report means for its place in a roll-out. */
import type { UpgradeReport } from '../../messages/message.ts';

export type Verdict =
  | { readonly kind: 'done' }
  | { readonly kind: 'left'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The order has arrived there; `progress` is how far it is. */
  | { readonly kind: 'heard'; readonly progress: '' | 'writing' | 'trial' }
  /** Nothing shows that it has heard an order. */
  | { readonly kind: 'open' };

/** What is known of the router here. */
export interface Told {
  /** The version of the roll-out, and the id of its order for this router. */
  readonly version: string;
  readonly orderId: string;
  readonly isTold: boolean;
  /** Instant of what its last version-up had come to when it was told. */
  readonly before: number;
}

/** @param software the version that the router runs */
export function verdictOf(told: Told, software: string, report: UpgradeReport): Verdict {
  const { version, stage, reason, at, board } = report;
  const isOurs = version === told.version;
  const progress = isOurs && (stage === 'writing' || stage === 'trial') ? stage : '';
  // On trial it runs the version too, and may still go back.
  if (software === told.version && progress === '') return { kind: 'done' };
  if (board === '') return { kind: 'left', reason: 'no board with slots' };
  if (!told.isTold) return { kind: 'open' };
  // What it had come to before it was told is another attempt's.
  if (isOurs && (stage === 'reverted' || stage === 'refused') && at !== told.before)
    return { kind: 'failed', reason: `${stage}: ${reason === '' ? 'for no reason given' : reason}` };
  if (progress !== '' || report.orderId === told.orderId) return { kind: 'heard', progress };
  return { kind: 'open' };
}
