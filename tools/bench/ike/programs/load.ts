/**
 * Load for an IKE responder: `load.ts ADDRESS KEY_FILE`. Plays routers that set their channels up over and over again, several
 * at a time: each time a whole handshake of the shipped initiator, IKE_SA_INIT and IKE_AUTH with a pre-shared key, which asks
 * the responder to drop the router's IKE SA before it (INITIAL_CONTACT). Takes a LoadRequest a line on stdin, and answers with a
 * LoadReport a line.
 *
 * A handshake counts when the initiator has proof of the responder's key, and the CHILD SA with its keys.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { innerAddress } from '../../../../host/channel/inner-address.ts';
import type { IkeAction } from '../../../../host/ike/events.ts';
import { Initiator } from '../../../../host/ike/initiator.ts';
import { promptRetransmission } from '../../../../host/ike/retransmission.ts';
import { fqdnIdentity } from '../../../../host/ike/wire/identification.ts';
import { trafficSelectorOf } from '../../../../host/ike/wire/traffic-selector.ts';
import { type Endpoint, formatAddress, parseAddress } from '../../../../host/model/address.ts';
import { defaultDatagramOctets } from '../../../../host/model/channel.ts';
import { defaultChannelProposals } from '../../../../host/model/child-proposal.ts';
import { sharedKey } from '../../../../host/model/credentials.ts';
import { type IkeProposal, parseIkeProposal } from '../../../../host/model/ike-proposal.ts';
import { preSharedKeyIn } from '../../../../host/model/pre-shared-key.ts';
import { bootTimeMs } from '../../../../host/platform/clock.ts';
import { readCredential } from '../../../../host/platform/files.ts';
import type { LoadReport, LoadRequest } from '../load.ts';
import { atOnce, ikePort, responderName, routerNames } from '../load-plan.ts';

/** RFC 3948 section 2.2. */
const nonEspMarkerOctets = 4;
const deadlineCheckMs = 50;
const leastSpi = 256;

interface Attempt {
  readonly router: string;
  readonly initiator: Initiator;
}

const [addressText = '', keyFile = ''] = process.argv.slice(2);
const local = endpointOf(addressText);
const credentials = sharedKey(preSharedKeyIn(readCredential(keyFile), keyFile));
const socket = createSocket({
  type: 'udp4',
  recvBufferSize: 4 * 1024 * 1024,
  // Addresses alone: without Node's look-up a datagram leaves a turn of the event loop sooner.
  lookup: (address, _, answer) => answer(null, address, 4),
});

/** One request: begins a handshake whenever one has ended, until its time is over. */
class Load {
  readonly #request: LoadRequest;
  readonly #to: Endpoint;
  readonly #proposal: IkeProposal;
  readonly #attempts = new Map<string, Attempt>();
  /** Routers without an attempt, the one that has waited longest first. */
  readonly #waiting = [...routerNames];
  readonly #startedAt = performance.now();
  readonly #done = Promise.withResolvers<void>();
  #handshakes = 0;
  #failure: string | undefined;

  constructor(request: LoadRequest) {
    this.#request = request;
    this.#to = endpointOf(request.responder);
    const proposal = parseIkeProposal(request.proposal);
    if (!proposal.ok) throw new Error(proposal.message);
    this.#proposal = proposal.value;
  }

  async run(): Promise<LoadReport> {
    const before = process.cpuUsage();
    for (let count = 0; count < atOnce; count++) this.#begin();
    const timer = setInterval(() => this.#expire(), deadlineCheckMs);
    await this.#done.promise;
    clearInterval(timer);
    const { user, system } = process.cpuUsage(before);
    return {
      handshakes: this.#handshakes,
      failure: this.#failure ?? null,
      milliseconds: performance.now() - this.#startedAt,
      cpuMs: (user + system) / 1000,
    };
  }

  receive(datagram: Buffer): void {
    const bytes = datagram.subarray(nonEspMarkerOctets);
    const attempt = this.#attempts.get(bytes.toString('hex', 0, 8));
    if (attempt === undefined) return;
    const event = { kind: 'message', bytes, from: this.#to, to: local } as const;
    this.#carryOut(attempt, attempt.initiator.handle(event, bootTimeMs()));
  }

  #begin(): void {
    const router = this.#waiting.shift();
    if (router === undefined) return;
    const [localInner, remoteInner] = [innerAddress(router), innerAddress(responderName)];
    const initiator = new Initiator({
      identity: fqdnIdentity(router),
      peerIdentity: fqdnIdentity(responderName),
      credentials,
      ikeProposals: [this.#proposal],
      espProposals: defaultChannelProposals.esp,
      local,
      peer: this.#to,
      localTrafficSelectors: [trafficSelectorOf({ address: localInner, length: 128 })],
      remoteTrafficSelectors: [trafficSelectorOf({ address: remoteInner, length: 128 })],
      initialContact: true,
      forceUdpEncapsulation: false,
      longestDatagramOctets: defaultDatagramOctets,
      // Nothing is rekeyed here.
      allocateSpi: () => undefined,
      retransmission: promptRetransmission,
      random: (octets) => Uint8Array.from(randomBytes(octets)),
    });
    const attempt = { router, initiator };
    this.#attempts.set(initiator.saId, attempt);
    const inboundSpi = leastSpi + randomBytes(3).readUIntBE(0, 3);
    this.#carryOut(attempt, initiator.handle({ kind: 'start', inboundSpi }, bootTimeMs()));
  }

  #expire(): void {
    const now = bootTimeMs();
    for (const attempt of [...this.#attempts.values()]) {
      if ((attempt.initiator.nextDeadline() ?? Number.POSITIVE_INFINITY) <= now)
        this.#carryOut(attempt, attempt.initiator.handle({ kind: 'deadline' }, now));
    }
  }

  #carryOut(attempt: Attempt, actions: readonly IkeAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'send': {
          const datagram = Buffer.concat([new Uint8Array(nonEspMarkerOctets), action.bytes]);
          socket.send(datagram, action.to.port, formatAddress(action.to.address));
          break;
        }
        case 'established':
          for (const { encryptionKey, salt } of [action.childSa.inbound, action.childSa.outbound]) {
            encryptionKey.wipe();
            salt.wipe();
          }
          this.#handshakes++;
          this.#end(attempt);
          break;
        case 'failed':
          this.#failure = `${action.reason}: ${action.message}`;
          this.#end(attempt);
          break;
        default:
          break;
      }
    }
  }

  #end({ router, initiator }: Attempt): void {
    this.#attempts.delete(initiator.saId);
    this.#waiting.push(router);
    const isOver =
      this.#failure !== undefined || performance.now() - this.#startedAt >= this.#request.milliseconds;
    if (!isOver) this.#begin();
    else if (this.#attempts.size === 0) this.#done.resolve();
  }
}

function endpointOf(text: string): Endpoint {
  const address = parseAddress(text);
  if (!address.ok) throw new Error(address.message);
  return { address: address.value, port: ikePort };
}

let load: Load | undefined;
socket.on('message', (datagram) => {
  if (datagram.length >= nonEspMarkerOctets + 8 && datagram.readUInt32BE(0) === 0) load?.receive(datagram);
});
const listening = once(socket, 'listening');
socket.bind(local.port, addressText);
await listening;
for await (const line of createInterface({ input: process.stdin })) {
  load = new Load(JSON.parse(line) as LoadRequest); // written by load.ts alone
  const report: LoadReport = await load.run();
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
