import { describe, expect, it } from 'vitest';
import { routerSpan, SaLifetime, serverSpan } from '../../../host/channel/sa-lifetime.ts';

const drawn = (octet: number) => () => Uint8Array.of(octet);

describe('the lifetime of an SA', () => {
  it('asks for a rekeying once within the span, and for the end once after it', () => {
    const lifetime = new SaLifetime(routerSpan, 1000, drawn(128));
    expect(lifetime.deadline).toBeUndefined();
    lifetime.start(5000);
    expect(lifetime.deadline).toBeCloseTo(5000 + 775_000, 3);
    expect(lifetime.due(779_999)).toBeUndefined();
    expect(lifetime.due(780_000)).toBe('rekey');
    expect(lifetime.due(780_000)).toBeUndefined();
    expect(lifetime.deadline).toBe(955_000);
    expect(lifetime.due(955_000)).toBe('end');
    expect(lifetime.due(2_000_000)).toBeUndefined();
    expect(lifetime.deadline).toBeUndefined();
  });

  it('starts anew with the SA', () => {
    const lifetime = new SaLifetime(routerSpan, 1000, drawn(0));
    lifetime.start(0);
    expect(lifetime.rekeyings(600_000)).toEqual({ count: 0, nextSeconds: 100 });
    lifetime.renew(600_000);
    expect(lifetime.rekeyings(600_000)).toEqual({ count: 1, nextSeconds: 700 });
    expect(lifetime.due(1_200_000)).toBeUndefined();
    expect(lifetime.due(1_300_000)).toBe('rekey');
    expect(lifetime.rekeyings(1_300_000)).toEqual({ count: 1, nextSeconds: null });
    lifetime.start(1_400_000);
    expect(lifetime.rekeyings(1_400_000).count).toBe(0);
  });

  it('lets the router be first, whatever the two ends draw, and end before the server does', () => {
    const latest = new SaLifetime(routerSpan, 1000, drawn(255));
    const earliest = new SaLifetime(serverSpan, 1000, drawn(0));
    latest.start(0);
    earliest.start(0);
    expect(latest.deadline).toBeLessThan(earliest.deadline! - 20_000);
    expect(routerSpan.end).toBeLessThan(serverSpan.end);
    expect(serverSpan.to).toBeLessThan(routerSpan.end);
  });
});
