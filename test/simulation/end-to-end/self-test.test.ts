import { describe, expect, it } from 'vitest';
import { echoPeerName } from '../../../host/messages/echo-peer.ts';
import type { SelfTestResult } from '../../../host/router/self-test.ts';
import { PolicySet } from '../../../host/server/distribution-policies/policy-set.ts';
import { Prng } from '../prng.ts';
import { Network, packet, policy, prefix, SimulatedServer, startTokyo, twoSites } from './network.ts';

function tokyo(network: Network) {
  const router = network.routers.get('tokyo');
  if (router === undefined) throw new Error('there is no tokyo');
  return router;
}

function server(network: Network): SimulatedServer {
  if (network.server === undefined) throw new Error('there is no server');
  return network.server;
}

/** Runs a self-test of tokyo and lets the time of its deadline pass. */
function test(network: Network, seconds = 10): SelfTestResult {
  const results: SelfTestResult[] = [];
  tokyo(network).router.selfTest(seconds * 1000, (result) => results.push(result));
  network.pass(seconds + 0.01);
  expect(results).toHaveLength(1);
  return results[0] as SelfTestResult;
}

/** No SA of a self-test is left, at neither end. */
function expectNothingLeft(network: Network): void {
  const rows = server(network).processing.table(network.now);
  expect(rows.filter(({ routers }) => routers.some(({ router }) => router === echoPeerName))).toEqual([]);
  expect(server(network).server.echoPeer.underWay).toBe(0);
  for (const { dataplane } of network.routers.values())
    expect(dataplane.snapshot(network.now).sad.filter(({ kind }) => kind === 'self-test')).toEqual([]);
}

const sites = [
  { name: 'tokyo', networks: [prefix('10.1.0.0/24')], proposals: undefined },
  { name: 'osaka', networks: [prefix('10.2.0.0/24')], proposals: undefined },
];

describe('a self-test', () => {
  it('sends a packet through SAs of its own and gets it back: two round trips', () => {
    const network = twoSites();
    network.pass(1);
    const result = test(network);
    expect(result).toEqual({ ok: true, milliseconds: 4, legs: { channelMs: 0, keysMs: 2, echoMs: 2 } });
    expect(server(network).server.echoPeer.counters).toEqual({ setUps: 1, answered: 1 });
    expectNothingLeft(network);
  });

  it('leaves the SAs and packets of others alone', () => {
    const network = twoSites();
    network.pass(1);
    tokyo(network).send(packet('10.1.0.9', '10.2.0.9', 1));
    network.pass(1);
    const before = network.routers.get('osaka')?.dataplane.snapshot(network.now).sad;
    for (let turn = 0; turn < 5; turn++) {
      tokyo(network).send(packet('10.1.0.9', '10.2.0.9', 2 + turn));
      expect(test(network, 2)).toMatchObject({ ok: true });
    }
    expect(network.delivered).toHaveLength(6);
    const after = network.routers.get('osaka')?.dataplane.snapshot(network.now).sad;
    expect(after?.map(({ spi }) => spi)).toEqual(before?.map(({ spi }) => spi));
  });

  it('takes the first proposal that the operator allows, where that is not the usual one', () => {
    const network = new Network();
    const narrow = sites.map((site) => ({ ...site, proposals: ['aes256gcm16'] }));
    new SimulatedServer(network, new PolicySet(narrow, []));
    startTokyo(network);
    network.pass(1);
    expect(test(network)).toMatchObject({ ok: true });
  });

  it('waits for a channel, and says so when there is none', () => {
    const network = new Network();
    startTokyo(network);
    network.pass(1);
    const result = test(network, 3);
    expect(result).toMatchObject({ ok: false, legs: { channelMs: null, keysMs: null, echoMs: null } });
    expect(result.reason).toBe('there is no channel to the setting server within 3 s');
  });

  it('begins when the channel comes up', () => {
    const network = new Network();
    startTokyo(network);
    const results: SelfTestResult[] = [];
    tokyo(network).router.selfTest(60_000, (result) => results.push(result));
    network.pass(1);
    new SimulatedServer(network, new PolicySet(sites, []));
    network.pass(40);
    expect(results).toMatchObject([{ ok: true }]);
  });

  it('shares its result with whoever asks meanwhile', () => {
    const network = twoSites();
    network.pass(1);
    const results: SelfTestResult[] = [];
    for (let asked = 0; asked < 3; asked++)
      tokyo(network).router.selfTest(5000, (result) => results.push(result));
    network.pass(1);
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(server(network).server.echoPeer.counters.setUps).toBe(1);
  });

  it('is refused when it comes more often than once a second', () => {
    const network = twoSites();
    network.pass(1);
    expect(test(network, 0.5)).toMatchObject({ ok: true });
    expect(test(network, 0.4).reason).toBe('refused: router tokyo tests itself more often than every 1 s');
    network.pass(1);
    expect(test(network)).toMatchObject({ ok: true });
  });

  it('says which leg failed when ESP does not come through', () => {
    const network = twoSites();
    network.pass(1);
    const { server: shell } = server(network);
    const original = shell.echoPeer.inner.bind(shell.echoPeer);
    shell.echoPeer.inner = () => [];
    const result = test(network, 4);
    expect(result.reason).toMatch(/none of \d+ packets came back within 4 s/);
    expect(result.legs).toMatchObject({ keysMs: 2, echoMs: null });
    shell.echoPeer.inner = original;
    network.pass(5);
    expectNothingLeft(network);
    expect(test(network)).toMatchObject({ ok: true });
  });

  it('is asked anew when the server is restarted in the middle of it', () => {
    const network = twoSites();
    network.pass(1);
    const before = server(network);
    before.server.echoPeer.inner = () => [];
    const results: SelfTestResult[] = [];
    tokyo(network).router.selfTest(90_000, (result) => results.push(result));
    network.pass(0.5);
    new SimulatedServer(network, new PolicySet(sites, [policy('all', ['*', '*'])]), before.disk, 2);
    network.pass(91);
    expect(results).toMatchObject([{ ok: true }]);
    network.pass(60);
    expectNothingLeft(network);
  });

  it('survives an engine that is lost', () => {
    const network = twoSites();
    network.pass(1);
    const results: SelfTestResult[] = [];
    const { echoPeer } = server(network).server;
    const original = echoPeer.inner.bind(echoPeer);
    echoPeer.inner = () => [];
    tokyo(network).router.selfTest(30_000, (result) => results.push(result));
    network.pass(0.1);
    tokyo(network).loseEngine();
    expect(results).toMatchObject([{ ok: false, reason: 'the packet engine was started anew' }]);
    echoPeer.inner = original;
    network.pass(10);
    expect(test(network)).toMatchObject({ ok: true });
    network.pass(60);
    expectNothingLeft(network);
  });

  it('passes whatever is lost or doubled, and leaves nothing behind (40 seeds)', () => {
    const failed: string[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const network = twoSites();
      network.pass(2);
      const prng = new Prng(seed);
      const later = network.later.bind(network);
      let isTroubled = true;
      network.later = (run) => {
        const fate = isTroubled ? prng.uint32() % 100 : 100;
        if (fate < 25) return;
        later(run);
        if (fate < 40) later(run);
      };
      const result = test(network, 60);
      isTroubled = false;
      network.pass(120);
      if (!result.ok) failed.push(`seed ${seed}: ${result.reason}`);
      expectNothingLeft(network);
    }
    expect(failed).toEqual([]);
  });
});
