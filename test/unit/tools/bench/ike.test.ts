/** The bench of IKE: what its rows say, how packets on the wire are told apart, whose processor time is counted. */
import { describe, expect, it } from 'vitest';
import { parseIkeProposal } from '../../../../host/model/ike-proposal.ts';
import { ikeBench } from '../../../../tools/bench/ike/bench.ts';
import { ikeProposal, keyExchanges, newPeerKeyExchanges } from '../../../../tools/bench/ike/key-exchanges.ts';
import { newPeerRow } from '../../../../tools/bench/ike/new-peers.ts';
import type { PeerRound } from '../../../../tools/bench/ike/peer-figures.ts';
import { renderIkeRows } from '../../../../tools/bench/ike/report.ts';
import { isEsp, isIke, readWirePacket } from '../../../../tools/bench/ike/wire-times.ts';
import { cpuTimeMs } from '../../../../tools/lab/cpu-time.ts';

describe('the rows of the IKE bench', () => {
  it('are of key exchanges that there are, and have names of their own', () => {
    for (const { name } of keyExchanges) expect(parseIkeProposal(ikeProposal(name)).ok).toBe(true);
    for (const name of newPeerKeyExchanges) expect(keyExchanges.map((one) => one.name)).toContain(name);
    expect(new Set(ikeBench.names).size).toBe(keyExchanges.length + newPeerKeyExchanges.length);
  });
});

describe('a row of a new peer', () => {
  const round = (askingCpuMs: number, askedCpuMs: number, firstEspMs: readonly number[]): PeerRound => ({
    askingCpuMs,
    askedCpuMs,
    firstEspMs,
    ikeMs: [],
  });

  it("compares the mean of our ends with strongSwan's asked one, round by round, and the times as medians", () => {
    const row = newPeerRow(
      'x25519',
      [round(1, 3, [4, 5, 6]), round(2, 2, [5, 5, 5])],
      [round(90, 20, [9, 10]), round(90, 24, [11, 12])],
    );
    expect(row.ratio).toEqual({ cpu: 11, time: 10.5 / 5 });
    expect(row.targets.map(({ ratio, reached }) => [ratio, reached])).toEqual([
      ['cpu', true],
      ['time', true],
    ]);
  });

  it('says what was missed', () => {
    const row = newPeerRow('modp2048', [round(2, 2, [5])], [round(9, 19.9, [9.9])]);
    expect(row.targets.map(({ reached }) => reached)).toEqual([false, false]);
    const table = renderIkeRows([], [row]);
    expect(table).toMatch(
      /^modp2048 +5\.0 +9\.9 +1\.98 +2 missed +2\.00 \/ 2\.00 +9\.00 \/ 19\.90 +9\.95 +10 missed$/m,
    );
    expect(table).toContain('0 of 2 aims reached.');
  });
});

describe('packets on the wire', () => {
  const udp = (port: number, ...payload: readonly number[]): Uint8Array =>
    Uint8Array.of(
      ...[0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2],
      ...[0x11, 0x94, port >> 8, port & 255, 0, 0, 0, 0],
      ...payload,
    );
  const read = (octets: Uint8Array) => readWirePacket(octets);

  it('are IKE on port 500, and on port 4500 behind four zero octets', () => {
    expect([udp(500, 1, 2, 3, 4), udp(4500, 0, 0, 0, 0)].map(read).map(isIke)).toEqual([true, true]);
    expect([udp(500, 1, 2, 3, 4), udp(4500, 0, 0, 0, 0)].map(read).map(isEsp)).toEqual([false, false]);
  });

  it('are ESP otherwise, or by their protocol', () => {
    const esp = Uint8Array.of(0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2);
    expect([udp(4500, 0, 0, 1, 0), esp].map(read).map(isEsp)).toEqual([true, true]);
    expect([udp(4500, 0, 0, 1, 0), esp].map(read).map(isIke)).toEqual([false, false]);
    expect(read(esp)).toMatchObject({ from: '192.0.2.1', to: '192.0.2.2' });
  });

  it('are neither when they are keepalives', () => {
    expect([udp(4500, 0xff)].map(read).map((packet) => [isEsp(packet), isIke(packet)])).toEqual([
      [false, false],
    ]);
  });
});

describe('processor time', () => {
  it('is that of all threads of the process, and only grows', () => {
    const before = cpuTimeMs(process.pid);
    const own = process.cpuUsage();
    expect(before).toBeGreaterThan(0);
    while (process.cpuUsage(own).user < 20_000);
    expect(cpuTimeMs(process.pid) - before).toBeGreaterThan(15);
  });
});
