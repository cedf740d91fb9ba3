/**
 * The lab's own instruments, checked without any IPsec: its routers forward in clear here, so the census must see every
 * packet in clear, and tools that count losses must count none on a network that loses none, and some on one that does.
 */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Capture } from '../../tools/lab/capture.ts';
import { Census } from '../../tools/lab/census.ts';
import {
  existingNamespaces,
  insideNamespace,
  namespacePrefix,
  runCommand,
} from '../../tools/lab/namespaces.ts';
import { Place } from '../../tools/lab/place.ts';
import { Processes } from '../../tools/lab/processes.ts';
import { buildTopology } from '../../tools/lab/topology.ts';
import { planTopology, type Site } from '../../tools/lab/topology-plan.ts';
import { ping, probe, startEcho, startFlow, transfer } from '../../tools/lab/traffic.ts';
import { describeWith } from '../requirements.ts';

/** Of this run alone: others may test on the same machine. */
const lab = `selfcheck-${process.pid}`;

describeWith(
  ['root', 'network namespaces', 'iproute2', 'nft', 'ping', 'tcpdump'],
  'the network of the lab',
  () => {
    const plan = planTopology('nagoya');
    const [tokyo, osaka, nagoya] = plan.sites as [Site, Site, Site];
    let place: Place;
    let processes: Processes;
    let capture: Capture;

    function inside(namespace: string, ...command: string[]): string {
      return runCommand(insideNamespace(namespacePrefix(lab) + namespace, command));
    }

    beforeAll(async () => {
      place = Place.take(lab, () => undefined);
      buildTopology(lab, plan);
      for (const site of plan.sites) {
        for (const other of plan.sites.filter((one) => one !== site)) {
          inside(site.name, 'ip', 'route', 'add', other.network, 'dev', 'wan0', 'via', gatewayOf(site));
        }
        inside('internet', 'ip', 'route', 'add', site.network, 'via', site.seenAs);
      }
      inside('nagoya-nat', 'ip', 'route', 'add', nagoya.network, 'via', nagoya.wanAddress);
      processes = new Processes(place);
      const census = new Census(
        plan.sites.flatMap((site) => [site.network, site.network6]),
        plan.serverAddress,
      );
      capture = await Capture.start(processes, census);
    });

    afterAll(async () => {
      await processes.stopAll();
      place.leave();
    });

    function gatewayOf(site: Site): string {
      return site === nagoya
        ? '192.168.77.1'
        : inside(site.name, 'ip', '-4', 'route', 'show', 'default').split(' ')[2]!;
    }

    it('carries a ping, whose round trip and times are read from ping itself', async () => {
      const result = await ping(processes, tokyo, osaka.hostAddress);
      expect(result.milliseconds).toBeLessThan(50);
      expect(result.errors).toEqual([]);
      expect(result.repliedAtMs! - result.sentAtMs!).toBeCloseTo(result.milliseconds!, 6);
    });

    it('sees packets in clear on the internet, each once', async () => {
      await capture.settle();
      const before = capture.census.counts();
      await ping(processes, tokyo, osaka.hostAddress, { count: 3, intervalMs: 10 });
      await capture.settle();
      expect(capture.census.counts().cleartext - before.cleartext).toBe(6);
      expect(capture.census.cleartextExamples[0]).toContain('10.1.0.10 -> 10.2.0.10 protocol 1');
    });

    it('hashes a transfer at both ends and counts its packets one by one', async () => {
      await capture.settle();
      const before = capture.census.counts();
      const result = await transfer(processes, tokyo, osaka, 4 << 20);
      expect(result).toMatchObject({ octets: 4 << 20, sha256Matches: true });
      await capture.settle();
      const packets = capture.census.counts().cleartext - before.cleartext;
      expect(packets).toBeGreaterThan((4 << 20) / 1460);
    });

    it('counts nothing lost in a flow on a network that loses nothing', async () => {
      const flow = await startFlow(processes, tokyo, osaka, 1000);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const result = await flow.stop();
      expect(result).toMatchObject({ lost: 0, duplicates: 0, missing: [] });
      expect(result.sent).toBeGreaterThan(500);
    });

    it('counts what is lost where something is', async () => {
      inside(
        'internet',
        'nft',
        'add table ip loss; add chain ip loss forward { type filter hook forward priority 0; }',
      );
      inside('internet', 'nft', 'add rule ip loss forward udp dport 5002 numgen inc mod 10 == 0 drop');
      const flow = await startFlow(processes, tokyo, osaka, 1000);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const result = await flow.stop();
      inside('internet', 'nft', 'delete', 'table', 'ip', 'loss');
      expect(result.lost / result.sent).toBeGreaterThan(0.09);
      expect(result.lost / result.sent).toBeLessThan(0.11);
    });

    it('probes many address pairs, and says which do not answer', async () => {
      const echo = await startEcho(processes, osaka, ['10.2.0.130', '10.2.0.131']);
      const pairs = [
        ['10.1.0.130', '10.2.0.130'],
        ['10.1.0.131', '10.2.0.131'],
        ['10.1.0.132', '10.2.0.132'],
      ] as const;
      const answers = await probe(processes, tokyo, pairs, 1500);
      expect(answers.map((ms) => ms !== null)).toEqual([true, true, false]);
      echo.signal('SIGTERM');
    });

    it('puts a NAT in front of a router when asked to', async () => {
      const result = await ping(processes, nagoya, plan.serverAddress);
      expect(result.milliseconds).toBeLessThan(50);
      const translated = inside('nagoya-nat', 'nft', 'list', 'ruleset');
      expect(translated).toContain('masquerade to :61000');
    });

    it('loses no packet in the capture, and leaves nothing behind', async () => {
      expect(await capture.stop()).toBe(0);
      await processes.stopAll();
      place.leave();
      expect(existingNamespaces(lab)).toEqual([]);
      expect(existsSync(place.folder)).toBe(false);
    });
  },
);
