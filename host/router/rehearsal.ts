/**
 * A rehearsal of the control side before the first packet: setting management asks, is answered by messages made here, and
 * installs, again and again, through the real codec. It changes nothing outside itself; what it leaves behind is compiled
 * code, so that the first real packet waits as briefly as the hundredth.
 */
import { SpiAllocator } from '../dataplane/spi-allocator.ts';
import { decodeServerMessage, encodeMessage } from '../messages/codec.ts';
import type { Request, ServerMessage } from '../messages/message.ts';
import { addressOf, type Endpoint } from '../model/address.ts';
import { proposals } from '../model/proposal.ts';
import { Secret } from '../model/secret.ts';
import type { Selector } from '../model/selector.ts';
import { packChange, unpackChange } from '../packet-loop/change-transfer.ts';
import type { SettingAction } from './setting-management/events.ts';
import { SettingManagement } from './setting-management/setting-management.ts';
import { defaultSettingTimers } from './setting-management/timers.ts';

const rounds = 60;
const peer: Endpoint = { address: addressOf(Uint8Array.of(192, 0, 2, 2)), port: 4500 };
const local: Endpoint = { address: addressOf(Uint8Array.of(192, 0, 2, 1)), port: 4500 };

const selector: Selector = {
  local: { address: addressOf(Uint8Array.of(10, 1, 0, 0)), length: 16 },
  remote: { address: addressOf(Uint8Array.of(10, 2, 0, 0)), length: 16 },
  protocol: null,
  localPorts: null,
  remotePorts: null,
  icmpType: null,
  icmpCode: null,
};

/** Runs the rehearsal, in some tens of milliseconds. `random` gives unpredictable octets. */
export function rehearseSettings(random: (octets: number) => Uint8Array): void {
  const machine = new SettingManagement({
    name: 'here',
    entries: [{ name: 'rehearsal', selectors: [selector], action: 'PROTECT', requestPeer: 'there' }],
    random,
    spiAllocator: new SpiAllocator(64, () => new DataView(random(4).buffer).getUint32(0)),
    timers: defaultSettingTimers,
    localEndpoint: () => local,
    proposals: new Set(proposals.keys()),
  });
  let now = 0;
  machine.start();
  machine.handle({ kind: 'channel-up' }, now);
  for (let round = 0; round < rounds; round++) {
    now += 10_000;
    const request = round % 2 === 0 ? acquire(machine, now) : startUp(machine, random, now);
    if (request === undefined) return;
    const { id } = request;
    const about = { id, source: 'here', peer: 'there', kind: 'rehearsal' };
    deliver(machine, { ...about, type: 'pending' }, now);
    deliver(machine, distribution(request, random), now);
    deliver(machine, { ...about, type: 'both-installed' }, now);
    const withdrawal = { ...about, id: freshId(random), ids: [id], reason: 'rehearsal' };
    deliver(machine, { ...withdrawal, type: 'withdraw' }, now);
  }
}

function acquire(machine: SettingManagement, now: number): Request | undefined {
  const packet = {
    local: addressOf(Uint8Array.of(10, 1, 0, 9)),
    remote: addressOf(Uint8Array.of(10, 2, 0, 9)),
    protocol: 17,
    localPort: 1,
    remotePort: 2,
    icmpType: null,
    icmpCode: null,
  };
  return requestIn(machine.handle({ kind: 'acquire', entry: 'rehearsal', packet }, now));
}

function startUp(
  machine: SettingManagement,
  random: (octets: number) => Uint8Array,
  now: number,
): Request | undefined {
  const about = { id: freshId(random), source: 'here', peer: 'there', kind: 'rehearsal' };
  return requestIn(deliver(machine, { ...about, type: 'request-startup', selectors: [selector] }, now));
}

/** The request that is sent, as it comes out of the codec. */
function requestIn(actions: readonly SettingAction[]): Request | undefined {
  for (const action of actions) {
    if (action.kind === 'send' && action.message.type === 'request') {
      encodeMessage(action.message);
      return action.message;
    }
  }
  return undefined;
}

function deliver(machine: SettingManagement, message: ServerMessage, now: number): SettingAction[] {
  const decoded = decodeServerMessage(encodeMessage(message));
  if (!decoded.ok) return [];
  const actions = machine.handle({ kind: 'message', message: decoded.value }, now);
  for (const action of actions) {
    if (action.kind === 'change') unpackChange(structuredClone(packChange(action.change).change));
    if (action.kind === 'send') encodeMessage(action.message);
  }
  return actions;
}

function distribution(request: Request, random: (octets: number) => Uint8Array): ServerMessage {
  const keys = () => ({
    encryptionKey: new Secret(random(32)),
    authenticationKey: new Secret(new Uint8Array(0)),
    salt: new Secret(random(4)),
  });
  return {
    type: 'distribution',
    id: request.id,
    source: 'here',
    peer: 'there',
    kind: 'rehearsal',
    policy: {
      revision: 1,
      protocol: 'esp',
      mode: 'tunnel',
      proposal: 'aes256gcm16',
      esn: true,
      replayWindow: 1024,
      encapsulation: 'raw',
      dscp: 'copy',
      dontFragment: 'copy',
      lifetimeOctets: null,
      lifetimePackets: null,
    },
    outbound: { spi: (request.spi ^ 0x1000) >>> 0, ...keys() },
    inbound: { spi: request.spi, ...keys() },
    remainingSeconds: 3600,
    selectors: [selector],
    precedence: 0,
    precedents: [],
    peerEndpoint: peer,
  };
}

function freshId(random: (octets: number) => Uint8Array): string {
  return Buffer.from(random(8)).toString('hex');
}
