/**
 * What happened to the first packet, in the order in which it happened: the events of both routers and the server, which
 * share the boot-time clock, and what the capture saw between them, counted in milliseconds from the ping.
 */
import type { Sighting } from './census.ts';
import type { LoggedEvent } from './control.ts';

export interface SequenceRow {
  /** Since the ping was sent. */
  readonly atMilliseconds: number;
  readonly where: string;
  readonly what: string;
}

export interface SequenceSources {
  /** Boot-time milliseconds; both may be late by the same. */
  readonly sentAtMs: number;
  readonly repliedAtMs: number;
  readonly sender: string;
  readonly events: readonly LoggedEvent[];
  readonly sightings: readonly Sighting[];
  /** Added to a sighting's wall-clock time. */
  readonly bootMinusWallMs: number;
  /** Names of outer addresses. */
  readonly names: ReadonlyMap<string, string>;
}

/** Acknowledgements follow the reply; later than this it is another matter. */
const afterReplyMs = 100;
/** ping tells when it printed the reply, which may be so long after the reply came. */
const pingLatenessMs = 50;

/** The rows from the ping to the last acknowledgement. */
export function timeSequence(sources: SequenceSources): SequenceRow[] {
  const { sender } = sources;
  // It was sent before the first router had it, whatever ping says.
  const held = sources.events
    .filter(({ atMs, what }) => what.startsWith('packet in') && atMs > sources.sentAtMs - pingLatenessMs)
    .map(({ atMs }) => atMs);
  const sentAtMs = Math.min(sources.sentAtMs, ...held);
  const repliedAtMs = sentAtMs + sources.repliedAtMs - sources.sentAtMs;
  const rows = [
    { atMs: sentAtMs, where: sender, what: 'ping sent' },
    { atMs: repliedAtMs, where: sender, what: 'reply received' },
    ...sources.events.map(({ atMs, where, what, detail }) => ({
      atMs,
      where,
      what: detail === '' ? what : `${what} (${detail})`,
    })),
    ...sources.sightings
      .filter((sighting) => ['esp', 'ah', 'cleartext'].includes(sighting.kind))
      .map((sighting) => ({
        atMs: sighting.wallMs + sources.bootMinusWallMs,
        where: 'internet',
        what: describeSighting(sighting, sources.names),
      })),
  ];
  return rows
    .filter(({ atMs }) => atMs >= sentAtMs && atMs <= repliedAtMs + afterReplyMs)
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ atMs, where, what }) => ({ atMilliseconds: round(atMs - sentAtMs), where, what }));
}

/** One line a row: time, place, event. */
export function renderTimeSequence(rows: readonly SequenceRow[]): string {
  const widest = Math.max(...rows.map((row) => row.where.length));
  return rows
    .map((row) => `${row.atMilliseconds.toFixed(2).padStart(8)} ms  ${row.where.padEnd(widest)}  ${row.what}`)
    .join('\n');
}

function describeSighting(sighting: Sighting, names: ReadonlyMap<string, string>): string {
  const from = names.get(sighting.from) ?? sighting.from;
  const to = names.get(sighting.to) ?? sighting.to;
  if (sighting.kind === 'cleartext') return `CLEARTEXT on the wire, ${from} to ${to}`;
  const spi = `0x${sighting.spi.toString(16).padStart(8, '0')}`;
  return `${sighting.kind.toUpperCase()} on the wire, ${from} to ${to} (SPI ${spi}, sequence ${sighting.sequence})`;
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
