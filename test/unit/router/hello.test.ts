import { describe, expect, it } from 'vitest';
import type { Welcome } from '../../../host/messages/message.ts';
import { HelloExchange } from '../../../host/router/hello.ts';

function exchange(): HelloExchange {
  let counter = 0;
  return new HelloExchange({
    name: 'tokyo',
    proposals: ['aes256gcm16'],
    software: '1.2.3',
    random: (octets) => new Uint8Array(octets).fill(++counter),
  });
}

function welcome(id: string): Welcome {
  return { type: 'welcome', id, source: 'tokyo', peer: '', kind: '', timeMs: 0 };
}

/** Instants at which it asks to be woken while nobody answers, from 0 on. */
function schedule(hello: HelloExchange, times: number): number[] {
  return Array.from({ length: times }, () => {
    const at = hello.nextDeadline() ?? Number.NaN;
    expect(hello.deadline(at - 0.001)).toBeUndefined();
    expect(hello.deadline(at)?.type).toBe('hello');
    return at;
  });
}

describe('hello', () => {
  it('says who this router is, what it can do and which life it is in', () => {
    expect(exchange().begin(0)).toEqual({
      type: 'hello',
      id: '02'.repeat(8),
      source: 'tokyo',
      peer: '',
      kind: '',
      boot: '01'.repeat(8),
      proposals: ['aes256gcm16'],
      software: '1.2.3',
    });
  });

  it('is repeated more and more slowly, then every five seconds, for as long as the channel is up', () => {
    const hello = exchange();
    hello.begin(0);
    expect(schedule(hello, 8)).toEqual([250, 750, 1750, 3750, 8750, 13_750, 18_750, 23_750]);
  });

  it('is repeated as the same message', () => {
    const hello = exchange();
    const first = hello.begin(0);
    expect(hello.deadline(250)).toEqual(first);
    expect(hello.deadline(750)).toEqual(first);
  });

  it('is over with the welcome of its own id', () => {
    const hello = exchange();
    const { id } = hello.begin(0);
    expect(hello.accept(welcome(id))).toBe(true);
    expect(hello.nextDeadline()).toBeUndefined();
    expect(hello.deadline(10_000)).toBeUndefined();
    expect(hello.accept(welcome(id))).toBe(false);
  });

  it('goes on when the welcome is for another one', () => {
    const hello = exchange();
    const earlier = hello.begin(0).id;
    const { id } = hello.begin(1000);
    expect(hello.accept(welcome(earlier))).toBe(false);
    expect(hello.accept(welcome('f'.repeat(16)))).toBe(false);
    expect(hello.nextDeadline()).toBe(1250);
    expect(hello.accept(welcome(id))).toBe(true);
  });

  it('begins anew on a new channel: another id, the same boot number, the first interval', () => {
    const hello = exchange();
    const first = hello.begin(0);
    schedule(hello, 4);
    const second = hello.begin(60_000);
    expect(second.id).not.toBe(first.id);
    expect(second.boot).toBe(first.boot);
    expect(hello.nextDeadline()).toBe(60_250);
  });

  it('is not said without a channel', () => {
    const hello = exchange();
    expect(hello.nextDeadline()).toBeUndefined();
    expect(hello.deadline(1000)).toBeUndefined();
    const { id } = hello.begin(0);
    hello.stop();
    expect(hello.nextDeadline()).toBeUndefined();
    expect(hello.deadline(1000)).toBeUndefined();
    expect(hello.accept(welcome(id))).toBe(false);
  });

  it('has another boot number in another process', () => {
    const boots = ['a', 'b'].map((seed) => {
      const random = (octets: number) => new Uint8Array(octets).fill(seed.charCodeAt(0));
      return new HelloExchange({ name: 'x', proposals: [], software: '', random }).begin(0).boot;
    });
    expect(new Set(boots).size).toBe(2);
  });
});
