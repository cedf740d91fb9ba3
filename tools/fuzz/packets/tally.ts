/** How many packets met which end, over all worlds: what a fuzz run reports. Adds and names; decides nothing. */
import {
  DROP_CODE_COUNT,
  DROP_DATA_PLANE_CLOSED,
  DROP_HELD_ABANDONED,
  DROP_HELD_OVERFLOW,
} from '../../../firmware/abi/drop-code.ts';
import { dropReasonName, dropReasons } from '../../../firmware/abi/drop-reason.ts';
import {
  VERDICT_BYPASS,
  VERDICT_DELIVER,
  VERDICT_DELIVER_HOST,
  VERDICT_DROP,
  VERDICT_HELD,
  VERDICT_SEND,
} from '../../../firmware/abi/verdict.ts';

export interface Tally {
  packets: number;
  /** By VERDICT_* number. */
  readonly outbound: number[];
  readonly inbound: number[];
  /** By DROP_* number, both ways. */
  readonly reasons: number[];
}

export interface Distribution {
  readonly packets: number;
  readonly outbound: Readonly<Record<string, number>>;
  readonly inbound: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  /** Drop reasons that a packet can meet, and none did. */
  readonly neverReached: readonly string[];
}

const verdictNames: Readonly<Record<number, string>> = {
  [VERDICT_SEND]: 'send',
  [VERDICT_DELIVER]: 'deliver',
  [VERDICT_DELIVER_HOST]: 'deliver-host',
  [VERDICT_BYPASS]: 'bypass',
  [VERDICT_HELD]: 'held',
  [VERDICT_DROP]: 'drop',
};
const VERDICTS = VERDICT_DROP + 1;

/** What befalls packets that have their verdict already: counted, and no packet's verdict. */
export const afterwards: readonly number[] = [DROP_HELD_OVERFLOW, DROP_HELD_ABANDONED];

export function emptyTally(): Tally {
  return {
    packets: 0,
    outbound: new Array<number>(VERDICTS).fill(0),
    inbound: new Array<number>(VERDICTS).fill(0),
    reasons: new Array<number>(DROP_CODE_COUNT).fill(0),
  };
}

export function add(sum: Tally, more: Tally): void {
  sum.packets += more.packets;
  for (const list of ['outbound', 'inbound', 'reasons'] as const) {
    for (const [index, count] of more[list].entries()) sum[list][index] = (sum[list][index] ?? 0) + count;
  }
}

/** No packet closes the data plane. */
const beyondReach: ReadonlySet<number> = new Set([DROP_DATA_PLANE_CLOSED]);

export function distribution(tally: Tally): Distribution {
  const drops: Record<string, number> = {};
  for (const { number } of dropReasons) drops[dropReasonName(number)] = tally.reasons[number] ?? 0;
  return {
    packets: tally.packets,
    outbound: byVerdict(tally.outbound),
    inbound: byVerdict(tally.inbound),
    drops,
    neverReached: dropReasons
      .filter(({ number }) => !beyondReach.has(number) && (tally.reasons[number] ?? 0) === 0)
      .map(({ name }) => name),
  };
}

function byVerdict(counts: readonly number[]): Record<string, number> {
  const named: Record<string, number> = {};
  for (const [verdict, count] of counts.entries()) {
    const name = verdictNames[verdict];
    if (name !== undefined && count > 0) named[name] = count;
  }
  return named;
}
