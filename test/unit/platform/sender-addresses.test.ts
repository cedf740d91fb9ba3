/** Senders' addresses from Node's text: right, remembered, and bounded. */
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../../host/model/address.ts';
import { SenderAddresses } from '../../../host/platform/sender-addresses.ts';

describe('senders’ addresses', () => {
  it('are read once and then the same object', () => {
    const senders = new SenderAddresses();
    const first = senders.addressOf('192.0.2.7');
    expect(first && formatAddress(first)).toBe('192.0.2.7');
    expect(senders.addressOf('192.0.2.7')).toBe(first);
    expect(senders.addressOf('192.0.2.8')).not.toBe(first);
  });

  it('may have an IPv6 zone, which is no part of them', () => {
    const address = new SenderAddresses().addressOf('fe80::1%eth0');
    expect(address && formatAddress(address)).toBe('fe80::1');
  });

  it('are undefined where the text is none', () => {
    expect(new SenderAddresses().addressOf('somewhere')).toBeUndefined();
  });

  it('stay right when more senders come than are remembered', () => {
    const senders = new SenderAddresses();
    for (let index = 0; index < 40_000; index++) {
      const text = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
      const address = senders.addressOf(text);
      if (index % 1000 === 0) expect(address && formatAddress(address)).toBe(text);
    }
  });
});
