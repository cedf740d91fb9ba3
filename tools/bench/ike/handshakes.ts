/**
 * Handshakes a second on one core at the responder: our setting server and charon on the same processor, one after the other in short
 * slices, under the same load from another processor. What counts is the processor time that a handshake takes at the responder; how
 * many there were in a second depends on the load too, which is slower than charon.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { innerAddress } from '../../../host/channel/inner-address.ts';
import { formatAddress } from '../../../host/model/address.ts';
import { sectionText } from '../../interop/strongswan/arena/settings-text.ts';
import { cpuTimeMs } from '../../lab/cpu-time.ts';
import { server } from '../../lab/topology-plan.ts';
import { type BenchRow, WrongResult } from '../bench.ts';
import { addAddresses, onProcessor, type Stage } from '../stage.ts';
import { median } from '../statistics.ts';
import { startCharon } from '../strongswan.ts';
import { ikeProposal, type KeyExchange } from './key-exchanges.ts';
import { LoadGenerator } from './load.ts';
import { responderName, routerNames } from './load-plan.ts';
import { startOurServer } from './our-server.ts';

const responderProcessor = 0;
const loadProcessor = 1;
const sliceMs = 500;
const fewestRounds = 3;
/** After about two thousand handshakes V8 has compiled what they need. */
const warmUpMs = 3000;

interface Figures {
  /** On one core that does nothing else: a second by the processor time of one. */
  readonly handshakesPerSecond: number;
  readonly cpuMsPerHandshake: number;
  /** That came about in a second of the clock, and what share of it the responder and the load were running. */
  readonly measuredPerSecond: number;
  readonly responderBusy: number;
  readonly loadBusy: number;
}

export interface HandshakeRow extends BenchRow {
  readonly kind: 'handshakes';
  readonly keyExchange: string;
  readonly ours: Figures;
  /** Null where strongSwan does not have the key exchange. */
  readonly strongswan: Figures | null;
}

interface Responder {
  readonly name: 'our server' | 'charon';
  readonly pid: number;
  readonly address: string;
}

interface RowInProgress {
  readonly name: string;
  readonly keyExchange: KeyExchange;
}

interface Slice {
  readonly cpuMs: number;
  readonly perSecond: number;
  readonly responderBusy: number;
  readonly loadBusy: number;
}

/** Starts both responders, then measures one key exchange after the other. Throws HostError, WrongResult. */
export async function measureHandshakes(
  stage: Stage,
  keyExchanges: readonly KeyExchange[],
  seconds: number,
  progress: (line: string) => void,
): Promise<HandshakeRow[]> {
  const [tokyo, osaka] = stage.sites;
  const keyFile = stage.place.path('router.psk');
  const key = randomBytes(32).toString('base64url');
  writeFileSync(keyFile, key, { mode: 0o600 });
  const serverAddress = stage.plan.serverAddress;
  const proposals = keyExchanges.map(({ name }) => ikeProposal(name));
  const ourServer = await startOurServer(stage, server, {
    address: serverAddress,
    keyFile,
    proposals,
    processor: responderProcessor,
  });
  const innerServer = formatAddress(innerAddress(responderName));
  // kernel-libipsec refuses traffic selectors in which this end has no address.
  addAddresses(stage, osaka.name, [`${innerServer}/128`]);
  const configuration = charonConfiguration(osaka.wanAddress, innerServer, key, keyExchanges);
  const charon = await startCharon(stage, osaka.name, configuration, onProcessor(responderProcessor, []));
  const load = await LoadGenerator.start(stage, tokyo.name, tokyo.wanAddress, keyFile, loadProcessor);
  const ours: Responder = { name: 'our server', pid: ourServer.pid, address: serverAddress };
  const theirs: Responder = { name: 'charon', pid: charon.process.pid, address: osaka.wanAddress };

  const rows: HandshakeRow[] = [];
  for (const keyExchange of keyExchanges) {
    const name = `handshakes ${keyExchange.name}`;
    progress(name);
    const contestants = keyExchange.inStrongswan ? [ours, theirs] : [ours];
    const slices = await takeTurns(load, { name, keyExchange }, contestants, seconds);
    const [mine = [], others] = slices;
    rows.push({
      bench: 'ike',
      name,
      kind: 'handshakes',
      keyExchange: keyExchange.name,
      ours: figuresOf(mine),
      strongswan: others === undefined ? null : figuresOf(others),
      ratio: {
        strongswan:
          others === undefined
            ? null
            : median(mine.map(({ cpuMs }, round) => (others[round]?.cpuMs ?? Number.NaN) / cpuMs)),
      },
    });
  }
  return rows;
}

async function takeTurns(
  load: LoadGenerator,
  row: RowInProgress,
  contestants: readonly Responder[],
  seconds: number,
): Promise<Slice[][]> {
  const rounds = Math.max(fewestRounds, Math.round((seconds * 1000) / (sliceMs * contestants.length)));
  for (const responder of contestants) await slice(load, row, responder, warmUpMs);
  const slices: Slice[][] = contestants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const index = (round + turn) % contestants.length;
      const responder = contestants[index];
      if (responder !== undefined) slices[index]?.push(await slice(load, row, responder, sliceMs));
    }
  }
  return slices;
}

async function slice(
  load: LoadGenerator,
  { name, keyExchange }: RowInProgress,
  responder: Responder,
  milliseconds: number,
): Promise<Slice> {
  const before = cpuTimeMs(responder.pid);
  const proposal = ikeProposal(keyExchange.name);
  const report = await load.run({ responder: responder.address, proposal, milliseconds });
  const cpuMs = cpuTimeMs(responder.pid) - before;
  if (report.failure !== null || report.handshakes === 0) {
    throw new WrongResult(name, responder.name, report.failure ?? 'no handshake came about');
  }
  return {
    cpuMs: cpuMs / report.handshakes,
    perSecond: (1000 * report.handshakes) / report.milliseconds,
    responderBusy: cpuMs / report.milliseconds,
    loadBusy: report.cpuMs / report.milliseconds,
  };
}

function figuresOf(slices: readonly Slice[]): Figures {
  const middle = (of: (one: Slice) => number): number => median(slices.map(of));
  const cpuMsPerHandshake = middle((one) => one.cpuMs);
  return {
    handshakesPerSecond: 1000 / cpuMsPerHandshake,
    cpuMsPerHandshake,
    measuredPerSecond: middle((one) => one.perSecond),
    responderBusy: middle((one) => one.responderBusy),
    loadBusy: middle((one) => one.loadBusy),
  };
}

/** One connection for all routers, as for a gateway of road warriors; the key of each by its name. */
function charonConfiguration(
  address: string,
  inner: string,
  key: string,
  keyExchanges: readonly KeyExchange[],
): string {
  const proposals = keyExchanges
    .filter(({ inStrongswan }) => inStrongswan)
    .map(({ name }) => ikeProposal(name));
  return sectionText({
    connections: {
      routers: {
        version: 2,
        local_addrs: address,
        proposals: proposals.join(', '),
        local: { auth: 'psk', id: responderName },
        remote: { auth: 'psk' },
        children: {
          channel: { local_ts: `${inner}/128`, remote_ts: '::/0', esp_proposals: 'aes256gcm16-noesn' },
        },
      },
    },
    secrets: Object.fromEntries(
      routerNames.map((router) => [`ike-${router}`, { id: router, secret: `"${key}"` }]),
    ),
  });
}
