/** Rows of the bench: medians over the rounds, and ratios of ours to theirs within each round. */
import type { BenchRow } from '../bench.ts';
import { median } from '../statistics.ts';
import type { Entrant } from './contestant.ts';
import type { ControlSide } from './control-side.ts';
import type { Round } from './round.ts';

/** Something that is to be reached: `value` at least or at most `bound`. */
export interface PathTarget {
  readonly name: string;
  readonly value: number;
  readonly wanted: 'at least' | 'at most';
  readonly bound: number;
  readonly reached: boolean;
}

export interface PathRow extends BenchRow {
  readonly wire: boolean;
  readonly rounds: number;
  readonly median: Round;
  /** Of ours alone: what the round trip takes more than with plain forwarding. */
  readonly addedRoundTripMs: number | null;
  readonly addedRoundTripP99Ms: number | null;
  readonly targets: readonly PathTarget[];
}

export interface Measured {
  readonly entrant: Entrant;
  readonly rounds: readonly Round[];
}

const throughputAtLeast = { direct: 4, wire: 3 };
const smallThousandsAtLeast = 100;
const addedRoundTripAtMostMs = 0.15;
const addedRoundTripP99AtMostMs = 0.5;
const statusAtMostMs = 100;

/** One row for each; ours have ratios to each of the others that were measured. */
export function pathRows(measured: readonly Measured[], wire: boolean): PathRow[] {
  const forwarding = measured.find(({ entrant }) => entrant.side === null);
  return measured.map((one) => {
    const medians = medianRound(one.rounds);
    const base = { bench: 'path', name: one.entrant.name, wire, rounds: one.rounds.length, median: medians };
    if (one.entrant.side !== 'ours')
      return { ...base, ratio: {}, addedRoundTripMs: null, addedRoundTripP99Ms: null, targets: [] };
    const others = measured.filter(({ entrant }) => entrant.side !== 'ours' && entrant.side !== null);
    const ratio = Object.fromEntries(
      others.map((other) => [other.entrant.name, medianOf(one, other, (ours, theirs) => ours / theirs)]),
    );
    const added = forwarding === undefined ? null : addedRoundTrips(one, forwarding);
    return {
      ...base,
      ratio,
      addedRoundTripMs: added?.middle ?? null,
      addedRoundTripP99Ms: added?.p99 ?? null,
      targets: targetsOf(ratio, medians, added, wire),
    };
  });
}

function targetsOf(
  ratio: Readonly<Record<string, number>>,
  { smallThousands, control }: Round,
  added: { readonly middle: number; readonly p99: number } | null,
  wire: boolean,
): PathTarget[] {
  const times = wire ? throughputAtLeast.wire : throughputAtLeast.direct;
  return [
    ...Object.entries(ratio).map(([name, value]) => atLeast(`times ${name}`, value, times)),
    atLeast('thousands of 64-octet packets a second', smallThousands, smallThousandsAtLeast),
    ...(added === null
      ? []
      : [
          atMost('ms added to a round trip', added.middle, addedRoundTripAtMostMs),
          atMost('ms added at p99', added.p99, addedRoundTripP99AtMostMs),
        ]),
    ...(control === null
      ? []
      : [
          atMost('ms until a status under load, at the longest', control.statusMs, statusAtMostMs),
          atMost('deadlines kept more than 50 ms late', control.lateDeadlines, 0),
        ]),
  ];
}

function atLeast(name: string, value: number, bound: number): PathTarget {
  return { name, value, wanted: 'at least', bound, reached: value >= bound };
}

function atMost(name: string, value: number, bound: number): PathTarget {
  return { name, value, wanted: 'at most', bound, reached: value <= bound };
}

/** Both directions of TCP together. */
const throughput = ({ gigabits, gigabitsBack }: Round): number => (gigabits + gigabitsBack) / 2;

function medianOf(one: Measured, other: Measured, compare: (one: number, other: number) => number): number {
  return median(
    one.rounds.map((round, index) => {
      const theirs = other.rounds[index];
      return theirs === undefined ? Number.NaN : compare(throughput(round), throughput(theirs));
    }),
  );
}

function addedRoundTrips(one: Measured, forwarding: Measured): { middle: number; p99: number } {
  const [ours, base] = [medianRound(one.rounds), medianRound(forwarding.rounds)];
  return {
    middle: ours.roundTripMs - base.roundTripMs,
    p99: ours.roundTripP99Ms - base.roundTripP99Ms,
  };
}

/** No median: what happens once in three rounds happens. */
function worstControl(rounds: readonly Round[]): ControlSide | null {
  const all = rounds.flatMap(({ control }) => control ?? []);
  if (all.length === 0) return null;
  return {
    statusMs: Math.max(...all.map(({ statusMs }) => statusMs)),
    lateDeadlines: all.reduce((sum, { lateDeadlines }) => sum + lateDeadlines, 0),
  };
}

function medianRound(rounds: readonly Round[]): Round {
  const of = (read: (round: Round) => number): number => median(rounds.map(read));
  return {
    gigabits: of(({ gigabits }) => gigabits),
    gigabitsBack: of(({ gigabitsBack }) => gigabitsBack),
    smallThousands: of(({ smallThousands }) => smallThousands),
    roundTripMs: of(({ roundTripMs }) => roundTripMs),
    roundTripP99Ms: of(({ roundTripP99Ms }) => roundTripP99Ms),
    cpuMsPerGigabit: of(({ cpuMsPerGigabit }) => cpuMsPerGigabit),
    control: worstControl(rounds),
  };
}
