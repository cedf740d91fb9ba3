/**
 * What a new peer costs a router, and how soon its first packet leaves: our routers, whose channel is up, and strongSwan's, round by
 * round, on the same machine in networks of the same form.
 */
import type { BenchRow, Target } from '../bench.ts';
import type { Stage } from '../stage.ts';
import { median } from '../statistics.ts';
import { type PeerRound, peersInRound, rounds } from './peer-figures.ts';
import { SekishoRouters } from './sekisho-routers.ts';
import { StrongswanRouters } from './strongswan-routers.ts';

export interface PeerFigures {
  readonly peers: number;
  readonly askingCpuMs: number;
  readonly askedCpuMs: number;
  readonly timedPeers: number;
  readonly firstEspMs: number;
  /** Null where there is no IKE. */
  readonly ikeMs: number | null;
}

export interface NewPeerRow extends BenchRow {
  readonly kind: 'new-peer';
  readonly keyExchange: string;
  readonly ours: PeerFigures;
  readonly strongswan: PeerFigures;
  readonly targets: readonly Target[];
}

const cpuAtLeast = 10;
const timeAtLeast = 2;

/** Throws HostError. */
export async function measureNewPeers(
  ours: Stage,
  theirs: Stage,
  keyExchanges: readonly string[],
  progress: (line: string) => void,
): Promise<NewPeerRow[]> {
  progress('new peers: starting our server and routers');
  const strongswan = await StrongswanRouters.prepare(theirs);
  const routers = await SekishoRouters.start(ours);
  const mine: PeerRound[] = [];
  const others = keyExchanges.map((): PeerRound[] => []);
  try {
    for (let round = 0; round < rounds; round++) {
      progress(`new peers: round ${round + 1} of ${rounds}`);
      mine.push(await routers.round());
      for (const [index, keyExchange] of keyExchanges.entries())
        others[index]?.push(await strongswan.round(keyExchange));
    }
  } finally {
    routers.letGo();
  }
  return keyExchanges.map((keyExchange, index) => newPeerRow(keyExchange, mine, others[index] ?? []));
}

/** The row of rounds that were measured in turn, ours and strongSwan's. */
export function newPeerRow(
  keyExchange: string,
  mine: readonly PeerRound[],
  others: readonly PeerRound[],
): NewPeerRow {
  const [ours, strongswan] = [figuresOf(mine), figuresOf(others)];
  // swanctl's share is in charon's figure at the asking end, so that of the asked end stands for both.
  const cpu = median(
    mine.map(
      ({ askingCpuMs, askedCpuMs }, round) =>
        (others[round]?.askedCpuMs ?? Number.NaN) / ((askingCpuMs + askedCpuMs) / 2),
    ),
  );
  const time = strongswan.firstEspMs / ours.firstEspMs;
  const target = (ratio: string, value: number, atLeast: number): Target => ({
    ratio,
    atLeast,
    reached: value >= atLeast,
  });
  return {
    bench: 'ike',
    name: `new peer ${keyExchange}`,
    kind: 'new-peer',
    keyExchange,
    ours,
    strongswan,
    ratio: { cpu, time },
    targets: [target('cpu', cpu, cpuAtLeast), target('time', time, timeAtLeast)],
  };
}

function figuresOf(measured: readonly PeerRound[]): PeerFigures {
  const times = measured.flatMap(({ firstEspMs }) => firstEspMs);
  const ike = measured.flatMap(({ ikeMs }) => ikeMs);
  return {
    peers: peersInRound * measured.length,
    askingCpuMs: median(measured.map(({ askingCpuMs }) => askingCpuMs)),
    askedCpuMs: median(measured.map(({ askedCpuMs }) => askedCpuMs)),
    timedPeers: times.length,
    firstEspMs: median(times),
    ikeMs: ike.length === 0 ? null : median(ike),
  };
}
