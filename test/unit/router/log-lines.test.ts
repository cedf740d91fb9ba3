/** Lines for the log wait for each other, never long, and arrive whole and in order. */
import { describe, expect, it } from 'vitest';
import { type LogLine, LogLines } from '../../../host/router/log-lines.ts';

function lineAt(at: number, level: LogLine['level'] = 'info'): LogLine {
  return { level, what: `line of ${at}`, detail: '', at };
}

function collect(): { readonly lines: LogLines; readonly posted: number[][] } {
  const posted: number[][] = [];
  const lines = new LogLines((waiting) => posted.push(waiting.map(({ at }) => at)));
  return { lines, posted };
}

describe('lines for the log', () => {
  it('wait a second from the first on, and go together', () => {
    const { lines, posted } = collect();
    expect(lines.dueAt).toBeUndefined();
    lines.add(lineAt(1000));
    lines.add(lineAt(1200));
    expect(lines.dueAt).toBe(2000);
    expect(lines.postDue(1999.9)).toBe(0);
    expect(posted).toEqual([]);
    expect(lines.postDue(2000)).toBe(2);
    expect(posted).toEqual([[1000, 1200]]);
    expect(lines.dueAt).toBeUndefined();
    expect(lines.postDue(9000)).toBe(0);
  });

  it('go at once with a warning, behind those before it', () => {
    const { lines, posted } = collect();
    lines.add(lineAt(1));
    lines.add(lineAt(2, 'warn'));
    lines.add(lineAt(3));
    expect(posted).toEqual([[1, 2]]);
    expect(lines.dueAt).toBe(1003);
  });

  it('go at once when there are many, so that memory stays bounded', () => {
    const { lines, posted } = collect();
    for (let at = 0; at < 600; at++) lines.add(lineAt(at));
    expect(posted.map(({ length }) => length)).toEqual([256, 256]);
    expect(lines.postAll()).toBe(88);
    expect(posted.flat()).toEqual(Array.from({ length: 600 }, (_, at) => at));
  });
});
