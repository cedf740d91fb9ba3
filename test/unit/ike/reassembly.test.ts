import { describe, expect, it } from 'vitest';
import { Reassembly } from '../../../host/ike/reassembly.ts';

const exchange = 35;

/** Adds a fragment as IkeSa does; `text` is its part of the message. */
function add(reassembly: Reassembly, number: number, total: number, text: string, exchangeType = exchange) {
  const fragment = { number, total };
  const examined = reassembly.examine(fragment, exchangeType);
  if (!examined.ok) return examined.code;
  if (!examined.value.isNew) return 'copy';
  const part = new TextEncoder().encode(text);
  const message = reassembly.add(
    { innerType: number === 1 ? 35 : 0, bodyOffset: 36, fragment },
    exchangeType,
    part,
  );
  if (!message.ok) return message.code;
  if (message.value === undefined) return 'waits';
  return `${message.value.innerType} ${new TextDecoder().decode(message.value.plaintext)}`;
}

describe('fragments', () => {
  it('make a message in whatever order they come, which begins with the first one’s type', () => {
    const reassembly = new Reassembly();
    expect(add(reassembly, 3, 3, 'C')).toBe('waits');
    expect(add(reassembly, 1, 3, 'A')).toBe('waits');
    expect(add(reassembly, 2, 3, 'B')).toBe('35 ABC');
  });

  it('may be one', () => {
    expect(add(new Reassembly(), 1, 1, 'A')).toBe('35 A');
  });

  it('count once each', () => {
    const reassembly = new Reassembly();
    add(reassembly, 1, 3, 'A');
    expect(add(reassembly, 1, 3, 'X')).toBe('copy');
    add(reassembly, 2, 3, 'B');
    expect(add(reassembly, 3, 3, 'C')).toBe('35 ABC');
  });

  it('of a later, finer cut replace those of the earlier one, never the other way round', () => {
    const reassembly = new Reassembly();
    add(reassembly, 2, 2, 'BC');
    expect(add(reassembly, 1, 3, 'A')).toBe('waits');
    expect(add(reassembly, 1, 2, 'A')).toBe('unexpected');
    expect(add(reassembly, 3, 3, 'C')).toBe('waits');
    expect(add(reassembly, 2, 3, 'B')).toBe('35 ABC');
  });

  it.each([
    [0, 0],
    [0, 2],
    [3, 2],
    [1, 0],
  ])('number %i of %i are none', (number, total) => {
    expect(add(new Reassembly(), number, total, 'A')).toBe('malformed');
  });

  it('of another exchange do not belong to it', () => {
    const reassembly = new Reassembly();
    add(reassembly, 1, 2, 'A');
    expect(add(reassembly, 2, 2, 'B', 37)).toBe('unexpected');
    expect(add(reassembly, 2, 2, 'B')).toBe('35 AB');
  });

  it('are at most 80, and 32 KiB in all; what is over is not kept', () => {
    const reassembly = new Reassembly();
    expect(add(reassembly, 1, 80, 'A')).toBe('waits');
    expect(add(reassembly, 1, 81, 'A')).toBe('fragment-limit');
    const half = 'x'.repeat(16 * 1024);
    reassembly.clear();
    expect(add(reassembly, 1, 3, half)).toBe('waits');
    expect(add(reassembly, 2, 3, `${half}x`)).toBe('fragment-limit');
    expect(add(reassembly, 2, 3, half)).toBe('waits');
    expect(add(reassembly, 3, 3, 'x')).toBe('fragment-limit');
    expect(add(reassembly, 3, 3, '')).toBe(`35 ${half}${half}`);
  });

  it('are wiped when others take their place', () => {
    const reassembly = new Reassembly();
    const part = new Uint8Array(4).fill(9);
    reassembly.add({ innerType: 35, bodyOffset: 36, fragment: { number: 1, total: 2 } }, exchange, part);
    add(reassembly, 1, 3, 'A');
    expect([...part]).toEqual([0, 0, 0, 0]);
  });

  it('start anew after a message is whole', () => {
    const reassembly = new Reassembly();
    add(reassembly, 1, 2, 'A');
    add(reassembly, 2, 2, 'B');
    expect(add(reassembly, 1, 1, 'C')).toBe('35 C');
  });
});
