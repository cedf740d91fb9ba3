/**
 * The setting protocol's router side beside strongSwan: `ask-server.ts ROUTER PEER SERVER LOCAL REMOTE TIMEOUT_MS` says hello
 * at the inner address of ROUTER, asks for SAs with PEER between two networks, then with a router that nobody knows, and
 * prints what the server said. Messages are repeated until they are answered, as a router repeats them.
 */
import { randomBytes } from 'node:crypto';
import { decodeServerMessage } from '../../../host/messages/codec.ts';
import type { RouterMessage, ServerMessage } from '../../../host/messages/message.ts';
import { parsePrefix } from '../../../host/model/prefix.ts';
import { proposals } from '../../../host/model/proposal.ts';
import type { PacketSelector, Selector } from '../../../host/model/selector.ts';
import { InnerSocket } from './inner-socket.ts';

export interface ServerAnswers {
  /** Types of the answers to hello, to the request for the peer and to the one for a stranger, up to one without any. */
  readonly answers: readonly string[];
}

const repeatMs = 300;
const nothing = 'nothing';
const [router = '', peer = '', server = '', local = '', remote = '', timeoutMs = '0'] = process.argv.slice(2);

const waiting = new Map<string, (answer: ServerMessage) => void>();
const socket = await InnerSocket.open(router, server, (datagram) => {
  const message = decodeServerMessage(datagram);
  if (message.ok) waiting.get(message.value.id)?.(message.value);
});

function freshId(): string {
  return randomBytes(8).toString('hex');
}

function prefix(text: string) {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

function request(id: string, whom: string): RouterMessage {
  const selector: Selector = {
    local: prefix(local),
    remote: prefix(remote),
    protocol: null,
    localPorts: null,
    remotePorts: null,
    icmpType: null,
    icmpCode: null,
  };
  const spi = 0x1000_0000 + randomBytes(3).readUIntBE(0, 3);
  const envelope = { id, source: router, peer: whom, kind: '' };
  return {
    ...envelope,
    type: 'request',
    spi,
    lane: 0,
    selectors: [selector],
    packet: ping(selector),
    startupId: null,
  };
}

/** The packet that would have made a router ask. */
function ping({ local: own, remote: far }: Selector): PacketSelector {
  const numbers = { protocol: 1, localPort: null, remotePort: null, icmpType: 8, icmpCode: 0 };
  return { local: own.address, remote: far.address, ...numbers };
}

function describe(answer: ServerMessage): string {
  return answer.type === 'refused' ? `refused (${answer.reason})` : answer.type;
}

/** Sends until an answer with the same id comes. */
function ask(message: RouterMessage): Promise<string> {
  return new Promise((resolve) => {
    const repeat = setInterval(() => socket.send(message), repeatMs);
    const finish = (answer: string) => {
      clearInterval(repeat);
      clearTimeout(limit);
      waiting.delete(message.id);
      resolve(answer);
    };
    const limit = setTimeout(() => finish(nothing), Number(timeoutMs));
    waiting.set(message.id, (answer) => finish(describe(answer)));
    socket.send(message);
  });
}

const hello = { type: 'hello', source: router, peer: '', kind: '' } as const;
const software = 'strongSwan';
const questions: readonly RouterMessage[] = [
  { ...hello, id: freshId(), boot: freshId(), proposals: [...proposals.keys()], software },
  request(freshId(), peer),
  request(freshId(), 'nobody'),
];
const answers: string[] = [];
for (const question of questions) {
  const answer = await ask(question);
  answers.push(answer);
  if (answer === nothing) break;
}
const report: ServerAnswers = { answers };
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
