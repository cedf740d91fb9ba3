/** Peers' addresses to and from Node's text: right, remembered, and bounded. */
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../../host/model/address.ts';
import { PeerAddresses } from '../../../host/platform/peer-addresses.ts';

describe('peers’ addresses', () => {
  it('are read once and then the same object', () => {
    const peers = new PeerAddresses();
    const first = peers.addressOf('192.0.2.7');
    expect(first && formatAddress(first)).toBe('192.0.2.7');
    expect(peers.addressOf('192.0.2.7')).toBe(first);
    expect(peers.addressOf('192.0.2.8')).not.toBe(first);
  });

  it('may have an IPv6 zone, which is no part of them', () => {
    const address = new PeerAddresses().addressOf('fe80::1%eth0');
    expect(address && formatAddress(address)).toBe('fe80::1');
  });

  it('are written as they were read, and as any other', () => {
    const peers = new PeerAddresses();
    for (const text of ['192.0.2.7', '2001:db8::7']) {
      const address = peers.addressOf(text);
      expect(address && peers.textOf(address)).toBe(text);
      expect(address && peers.textOf({ ...address })).toBe(text);
    }
  });

  it('are undefined where the text is none', () => {
    expect(new PeerAddresses().addressOf('somewhere')).toBeUndefined();
  });

  it('stay right when more senders come than are remembered, and the first are forgotten', () => {
    const peers = new PeerAddresses();
    const first = peers.addressOf('192.0.2.7');
    for (let index = 0; index < 40_000; index++) {
      const text = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
      const address = peers.addressOf(text);
      if (index % 1000 === 0) expect(address && formatAddress(address)).toBe(text);
    }
    expect(peers.addressOf('192.0.2.7')).toEqual(first);
    expect(peers.addressOf('192.0.2.7')).not.toBe(first);
  });
});
