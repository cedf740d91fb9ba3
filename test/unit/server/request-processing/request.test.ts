import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../../../host/messages/codec.ts';
import { formatSelector } from '../../../../host/model/selector.ts';
import { packet, policy, policySet, Scene, selector } from './scene.ts';

describe('a first request', () => {
  it('makes the server tell the peer to ask, with the mirrored selectors', () => {
    const scene = new Scene();
    scene.said();
    const request = scene.request('tokyo', 'osaka', {
      kind: '',
      packet: packet('10.1.0.5', '10.2.0.7'),
      selectors: [selector('10.1.0.0/24', '10.0.0.0/8')],
    });
    const [startup, ...others] = scene.said();
    expect(others).toEqual([]);
    expect(startup).toMatchObject({
      type: 'request-startup',
      id: request.id,
      source: 'osaka',
      peer: 'tokyo',
    });
    expect(startup?.type === 'request-startup' && startup.selectors.map(formatSelector)).toEqual([
      '10.2.0.0/16 <-> 10.1.0.0/24',
    ]);
    expect(scene.states()).toEqual(['half-empty']);
    expect(scene.stored.size).toBe(0);
  });

  it('repeated with the same id and SPI is answered pending, with its kind and without another startup', () => {
    const scene = new Scene();
    const request = scene.request('tokyo', 'osaka', { kind: '', packet: packet('10.1.0.5', '10.2.0.7') });
    scene.said();
    scene.send(request);
    expect(scene.said()).toEqual([
      { type: 'pending', id: request.id, source: 'tokyo', peer: 'osaka', kind: 'all' },
    ]);
  });

  it('is followed by a startup every 5 s up to 6 times, then by no-response with the reason', () => {
    const scene = new Scene();
    scene.request('tokyo', 'osaka');
    expect(scene.heard()).toEqual(expect.arrayContaining(['request-startup -> osaka']));
    for (let tries = 2; tries <= 6; tries += 1) {
      scene.pass(4999);
      expect(scene.heard()).toEqual([]);
      scene.pass(1);
      expect(scene.heard()).toEqual(['request-startup -> osaka']);
    }
    scene.pass(4999);
    expect(scene.heard()).toEqual([]);
    scene.pass(1);
    expect(scene.said()).toMatchObject([
      { type: 'no-response', source: 'tokyo', reason: 'router osaka has not answered' },
    ]);
    expect(scene.states()).toEqual([]);
  });

  it('gets no-response that says so when the peer has no channel, and a startup as soon as it has one', () => {
    const scene = new Scene({ channels: ['tokyo'] });
    const request = scene.request('tokyo', 'osaka');
    scene.pass(12_000);
    expect(scene.heard()).toEqual([]);
    scene.up('osaka');
    expect(scene.heard()).toEqual(['request-startup -> osaka']);
    scene.down('osaka');
    scene.pass(18_000);
    expect(scene.said()).toMatchObject([
      { type: 'no-response', reason: 'router osaka has no channel to the setting server' },
    ]);
    // Nothing acknowledges the answer: it comes twice more by itself, and whenever the request is repeated.
    scene.pass(5000);
    expect(scene.heard()).toEqual(['no-response -> tokyo', 'no-response -> tokyo']);
    scene.send(request);
    expect(scene.heard()).toEqual(['no-response -> tokyo']);
    scene.pass(60_000);
    scene.said();
    scene.up('osaka');
    scene.send(request);
    expect(scene.heard()).toEqual(['request-startup -> osaka']);
  });

  it('finds the kind by its packet: exact pair first, then wildcards, each in the order of the file', () => {
    const web = [selector('0.0.0.0/0', '0.0.0.0/0', { protocol: 6, remotePorts: { first: 443, last: 443 } })];
    const scene = new Scene({
      policies: policySet(
        policy('any-web', { between: ['*', '*'], selectors: web }),
        policy('any', { between: ['*', '*'] }),
        policy('pair-udp', { selectors: [selector('0.0.0.0/0', '0.0.0.0/0', { protocol: 17 })] }),
      ),
    });
    const kindOf = (more: Parameters<typeof packet>[2]) => {
      scene.said();
      scene.request('tokyo', 'osaka', { kind: '', packet: packet('10.1.0.1', '10.2.0.1', more) });
      return scene.said()[0]?.kind;
    };
    expect(kindOf({ protocol: 17 })).toBe('pair-udp');
    expect(kindOf({ protocol: 6, remotePort: 443 })).toBe('any-web');
    // A wildcard applies in both orders: the answer of a web server asks for the same kind.
    expect(kindOf({ protocol: 6, localPort: 443, remotePort: 9 })).toBe('any-web');
    expect(kindOf({ protocol: 6, remotePort: 22 })).toBe('any');
  });
});

describe('a request that no policy is for', () => {
  it('is refused for all of its selectors when the pair has no policy at all', () => {
    const scene = new Scene();
    scene.said();
    const request = scene.request('tokyo', 'kyoto', { kind: '', packet: packet('10.1.0.1', '10.3.0.1') });
    expect(scene.said()).toMatchObject([
      {
        type: 'no-corresponding-entry',
        id: request.id,
        selectors: request.selectors,
        reason: 'no distribution policy between tokyo and kyoto for 10.1.0.0/16 <-> 10.3.0.0/16',
      },
    ]);
    expect(scene.states()).toEqual([]);
  });

  it('is refused for its packet alone when the pair has policies for other communication', () => {
    const web = [selector('0.0.0.0/0', '0.0.0.0/0', { protocol: 6, remotePorts: { first: 443, last: 443 } })];
    const scene = new Scene({ policies: policySet(policy('web', { selectors: web })) });
    scene.said();
    scene.request('tokyo', 'osaka', {
      kind: '',
      packet: packet('10.1.0.1', '10.2.0.1', { protocol: 17, remotePort: 53 }),
    });
    const [answer] = scene.said();
    expect(answer?.type === 'no-corresponding-entry' && answer.selectors.map(formatSelector)).toEqual([
      '10.1.0.0/16 <-> 10.2.0.0/16 udp remote-port 53',
    ]);
  });

  it('names the router that is not enrolled', () => {
    const scene = new Scene();
    scene.said();
    scene.request('tokyo', 'nagoya', { kind: '', packet: packet('10.1.0.1', '10.9.0.1') });
    expect(scene.said()).toMatchObject([
      { type: 'no-corresponding-entry', reason: 'router nagoya is not enrolled' },
    ]);
  });

  it('for itself finds no policy, not even a wildcard', () => {
    const scene = new Scene({ policies: policySet(policy('any', { between: ['*', '*'] })) });
    scene.said();
    scene.request('tokyo', 'tokyo', { kind: '', packet: packet('10.1.0.1', '10.1.0.2') });
    expect(scene.heard()).toEqual(['no-corresponding-entry -> tokyo']);
  });
});

describe('a request that clashes with what the server has', () => {
  it('gets contents-inconsistent when its id comes with another SPI', () => {
    const scene = new Scene();
    const request = scene.request('tokyo', 'osaka');
    scene.said();
    scene.send({ ...request, spi: request.spi + 1 });
    expect(scene.said()).toMatchObject([
      { type: 'contents-inconsistent', entries: [{ id: request.id, spi: request.spi }] },
    ]);
  });

  it('gets contents-inconsistent when its SPI is in use with any peer, which the list shows', () => {
    const scene = new Scene({ policies: policySet(policy('all', { between: ['*', '*'] })) });
    const request = scene.request('tokyo', 'osaka');
    scene.said();
    scene.request('tokyo', 'kyoto', { spi: request.spi });
    expect(scene.said()).toMatchObject([
      { type: 'contents-inconsistent', peer: 'kyoto', entries: [{ id: request.id, spi: request.spi }] },
    ]);
    // The SPI is the receiver's: another router may have the same.
    scene.request('kyoto', 'osaka', { spi: request.spi });
    expect(scene.heard()).toEqual(['request-startup -> osaka']);
  });

  it('does not let one router take over an id of another', () => {
    const scene = new Scene();
    const request = scene.request('tokyo', 'osaka');
    scene.said();
    scene.request('osaka', 'tokyo', { id: request.id, spi: request.spi });
    expect(scene.heard()).toEqual(['contents-inconsistent -> osaka']);
    expect(scene.states()).toEqual(['half-empty']);
  });

  it('is dropped and recorded when it names another source than the channel authenticated', () => {
    const scene = new Scene();
    scene.said();
    const before = scene.server.table(scene.now);
    scene.send(
      {
        type: 'request',
        id: scene.newId(),
        source: 'tokyo',
        peer: 'osaka',
        kind: 'all',
        spi: 4096,
        lane: 0,
        selectors: [selector('10.1.0.0/16', '10.2.0.0/16')],
        packet: null,
        startupId: null,
      },
      'kyoto',
    );
    expect(scene.heard()).toEqual([]);
    expect(scene.server.table(scene.now)).toEqual(before);
    expect(scene.audits('wrong-source')).toMatchObject([{ router: 'kyoto' }]);
  });
});

describe('the other half', () => {
  it('is filled by the request that echoes the startup', () => {
    const scene = new Scene();
    const { first, second, toFirst, toSecond } = scene.distribute();
    expect(toFirst.id).toBe(first.id);
    expect(toSecond.id).toBe(second.id);
    expect(scene.states()).toEqual(['distributed']);
  });

  it('is filled by a request without an echo: both asked at once', () => {
    const scene = new Scene();
    scene.request('tokyo', 'osaka');
    scene.said();
    scene.request('osaka', 'tokyo', { kind: '', packet: packet('10.2.0.1', '10.1.0.1') });
    expect(scene.heard().sort()).toEqual(['distribution -> osaka', 'distribution -> tokyo']);
  });

  it('is not filled by an echo that comes too late, and nothing is made of it', () => {
    const scene = new Scene();
    const request = scene.request('tokyo', 'osaka');
    scene.pass(60_000);
    scene.said();
    scene.request('osaka', 'tokyo', { startupId: request.id });
    expect(scene.heard()).toEqual([]);
    expect(scene.states()).toEqual([]);
    expect(scene.audits('ignored')).toHaveLength(1);
  });

  it('is not filled by a router that the startup was not for', () => {
    const scene = new Scene({ policies: policySet(policy('all', { between: ['*', '*'] })) });
    const request = scene.request('tokyo', 'osaka');
    scene.said();
    scene.request('kyoto', 'tokyo', { startupId: request.id });
    expect(scene.heard()).toEqual([]);
    expect(scene.states()).toEqual(['half-empty']);
  });

  it('is not filled by the requester itself, echoing its own startup', () => {
    const scene = new Scene();
    const request = scene.request('tokyo', 'osaka');
    scene.said();
    scene.request('tokyo', 'osaka', { startupId: request.id });
    expect(scene.heard()).toEqual([]);
    expect(scene.states()).toEqual(['half-empty']);
  });

  it('takes the place of an older id of the same router, whose answer still finds the entry', () => {
    const scene = new Scene();
    const older = scene.request('tokyo', 'osaka');
    scene.said();
    const newer = scene.request('tokyo', 'osaka');
    expect(scene.said()[0]).toMatchObject({ type: 'pending', id: newer.id });
    expect(scene.states()).toEqual(['half-empty']);
    scene.request('osaka', 'tokyo', { startupId: older.id });
    expect(scene.said()).toMatchObject([{ id: newer.id, source: 'tokyo' }, { source: 'osaka' }]);
    // The older id is over: it revives nothing.
    scene.send(older);
    expect(scene.heard()).toEqual(['contents-inconsistent -> tokyo']);
  });

  it('of another kind makes an entry of its own', () => {
    const scene = new Scene({
      policies: policySet(
        policy('tcp', { selectors: [selector('0.0.0.0/0', '0.0.0.0/0', { protocol: 6 })] }),
        policy('all'),
      ),
    });
    scene.request('tokyo', 'osaka', { kind: 'tcp' });
    scene.request('osaka', 'tokyo', { kind: 'all' });
    expect(scene.states()).toEqual(['half-empty', 'half-empty']);
  });

  it('is refused to both when the ends and the policy have no selector in common', () => {
    const scene = new Scene();
    const { id } = scene.request('tokyo', 'osaka', { selectors: [selector('10.1.1.0/24', '10.2.0.0/16')] });
    scene.said();
    scene.request('osaka', 'tokyo', {
      selectors: [selector('10.2.0.0/16', '10.1.2.0/24')],
      startupId: id,
    });
    const said = scene.said();
    expect(said.map((message) => `${message.type} -> ${message.source}`).sort()).toEqual([
      'refused -> osaka',
      'refused -> tokyo',
    ]);
    expect(said[0]?.type === 'refused' && said[0].reason).toContain('nothing in common');
    expect(scene.states()).toEqual([]);
  });
});

describe('what is handed out', () => {
  it('is the intersection of both requests, the policy and the networks, seen from each end', () => {
    const scene = new Scene({
      policies: policySet(
        policy('dns', {
          selectors: [
            selector('0.0.0.0/0', '0.0.0.0/0', { protocol: 17, remotePorts: { first: 53, last: 53 } }),
          ],
        }),
        policy('all', { selectors: [selector('10.1.0.0/17', '0.0.0.0/0')] }),
      ),
    });
    scene.said();
    const first = scene.request('tokyo', 'osaka', { selectors: [selector('0.0.0.0/0', '10.2.8.0/24')] });
    scene.request('osaka', 'tokyo', {
      startupId: first.id,
      selectors: [selector('10.0.0.0/8', '10.0.0.0/8')],
    });
    const [toTokyo, toOsaka] = scene.said().filter((message) => message.type === 'distribution');
    expect(toTokyo?.selectors.map(formatSelector)).toEqual(['10.1.0.0/17 <-> 10.2.8.0/24']);
    expect(toOsaka?.selectors.map(formatSelector)).toEqual(['10.2.8.0/24 <-> 10.1.0.0/17']);
    expect(toTokyo?.precedence).toBe(1);
    expect(
      toTokyo?.precedents.map((one) => [one.kind, one.precedence, one.selectors.map(formatSelector)]),
    ).toEqual([['dns', 0, ['10.1.0.0/16 <-> 10.2.0.0/16 udp remote-port 53']]]);
    expect(toOsaka?.precedents.map((one) => one.selectors.map(formatSelector))).toEqual([
      ['10.2.0.0/16 <-> 10.1.0.0/16 udp local-port 53'],
    ]);
  });

  it('has the same keys at both ends, each other’s way round, and fits a datagram', () => {
    const scene = new Scene();
    const { toFirst, toSecond, first, second } = scene.distribute();
    expect(toFirst.outbound.spi).toBe(second.spi);
    expect(toFirst.inbound.spi).toBe(first.spi);
    expect(toSecond.outbound.spi).toBe(first.spi);
    for (const part of ['encryptionKey', 'authenticationKey', 'salt'] as const) {
      expect(toFirst.outbound[part].reveal()).toEqual(toSecond.inbound[part].reveal());
      expect(toFirst.inbound[part].reveal()).toEqual(toSecond.outbound[part].reveal());
    }
    expect(toFirst.outbound.encryptionKey.reveal()).not.toEqual(toFirst.inbound.encryptionKey.reveal());
    expect(toFirst.outbound.encryptionKey.length).toBe(32);
    expect(encodeMessage(toFirst).length).toBeLessThan(1000);
  });

  it('is UDP when either end is behind a NAT, otherwise raw, and names the place where the peer is seen', () => {
    const scene = new Scene();
    expect(scene.distribute().toFirst.policy.encapsulation).toBe('raw');
    scene.up('osaka', { ...scene.distribute().toFirst.peerEndpoint, port: 61_000 }, true);
    const { toFirst, toSecond } = scene.distribute();
    expect(toFirst.policy.encapsulation).toBe('udp');
    expect(toSecond.policy.encapsulation).toBe('udp');
    expect(toFirst.peerEndpoint.port).toBe(61_000);
  });

  it('of AH is raw, and refused where an end is behind a NAT, with the reason', () => {
    const policies = policySet(policy('all', { protocol: 'ah', proposal: 'sha256' }));
    const scene = new Scene({ policies });
    const { toFirst } = scene.distribute();
    expect(toFirst.policy).toMatchObject({ protocol: 'ah', encapsulation: 'raw', proposal: 'sha256' });
    expect([toFirst.inbound.encryptionKey.length, toFirst.inbound.authenticationKey.length]).toEqual([0, 32]);
    scene.up('osaka', { ...toFirst.peerEndpoint, port: 61_000 }, true);
    scene.said();
    scene.request('tokyo', 'osaka');
    const reason =
      'router osaka is behind a NAT, which changes addresses that AH covers: policy all needs protocol esp';
    expect(scene.said()).toMatchObject([{ type: 'refused', source: 'tokyo', reason }]);
  });

  it('of AH is refused when the NAT shows only after the request', () => {
    const policies = policySet(policy('all', { protocol: 'ah', proposal: 'sha256' }));
    const scene = new Scene({ policies });
    const asked = scene.request('tokyo', 'osaka');
    scene.up('osaka', undefined, true);
    scene.said();
    scene.request('osaka', 'tokyo', { startupId: asked.id });
    const refused = scene.said().filter(({ type }) => type === 'refused');
    expect(refused.map(({ source }) => source).sort()).toEqual(['osaka', 'tokyo']);
  });

  it('is refused when an end’s firmware lacks the proposal', () => {
    const scene = new Scene();
    scene.hello('osaka', 'b1', ['aes128-sha256']);
    scene.said();
    scene.request('tokyo', 'osaka');
    expect(scene.said()).toMatchObject([
      { type: 'refused', reason: 'the firmware of router osaka does not have aes256gcm16' },
    ]);
    expect(scene.states()).toEqual([]);
  });
});

describe('bounds', () => {
  it('refuse new entries when the table is full', () => {
    const scene = new Scene({ settings: { maximumEntries: 1 } });
    scene.establish();
    scene.request('tokyo', 'osaka');
    expect(scene.said()).toMatchObject([
      { type: 'refused', reason: 'the management table is full (1 entries)' },
    ]);
  });

  it('refuse a router that asks for more new entries than its rate, and let it ask again later', () => {
    const scene = new Scene({ settings: { newEntriesPerSecond: 1, newEntriesBurst: 2 } });
    scene.establish();
    scene.establish();
    scene.request('tokyo', 'osaka');
    expect(scene.heard()).toEqual(['refused -> tokyo']);
    scene.pass(1000);
    scene.said();
    scene.request('tokyo', 'osaka');
    expect(scene.heard()).toEqual(['request-startup -> osaka']);
  });

  it('refuse one router’s entries beyond its share without touching others', () => {
    const scene = new Scene({
      policies: policySet(policy('all', { between: ['*', '*'] })),
      settings: { maximumEntriesOfRouter: 2 },
    });
    scene.establish('tokyo', 'osaka');
    scene.establish('tokyo', 'kyoto');
    scene.request('tokyo', 'kyoto');
    expect(scene.heard()).toEqual(['refused -> tokyo']);
    scene.request('osaka', 'kyoto');
    expect(scene.heard()).toEqual(['request-startup -> kyoto']);
  });
});
