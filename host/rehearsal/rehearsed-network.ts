/**
 * The network of a rehearsal: a setting server, two routers with two hosts each, an IPv4 and an IPv6 one, and wires between
 * them. Time stands still while packets and messages travel, and passes between one set-up and the next.
 */
import { type Address, addressOf, type Endpoint, equalAddresses, parseAddress } from '../model/address.ts';
import { HostError } from '../model/host-error.ts';
import { parseRouterFile } from '../router/settings-file.ts';
import { RehearsedRouter } from './rehearsed-router.ts';
import { RehearsedServer, rehearsedProposals } from './rehearsed-server.ts';
import { ipPacket, type SampleContent, samplePacket } from './sample-packet.ts';
import type { Stage } from './stage.ts';

/** Between two set-ups, more than any repetition waits. */
const roundMs = 1500.125;
/** Every so many set-ups, a silence long enough for ends of a channel to ask whether the other is there. */
const roundsBetweenSilences = 4;
const silenceMs = 12_000.125;
/** A set-up that takes more steps never comes to rest. */
const maximumSteps = 1000;

const contents: readonly SampleContent[] = ['ping', 'datagram', 'other'];
const telephonyPort = 5060;
const otherPort = 53;
const espProtocol = 50;
const sites = ['east', 'west'] as const;
const serverEndpoint = endpointOf('192.0.2.1');

const policyFile = (proposal: string): string => `
version: 1
server: { identity: server, database: unused }
routers:
  - { name: east, credential: { preSharedKeyFile: unused }, networks: [10.1.0.0/24, "fd00:1::/64"] }
  - { name: west, credential: { preSharedKeyFile: unused }, networks: [10.2.0.0/24, "fd00:2::/64"] }
distributionPolicies:
  - { kind: telephony, between: [east, west], selectors: [{ protocol: udp, secondPorts: ${telephonyPort} }], proposal: ${proposal} }
  - { kind: everything, between: ["*", "*"], proposal: ${proposal} }
`;

const routerFile = (site: number): string => `
version: 1
name: ${sites[site]}
credential: { preSharedKeyFile: unused }
server: { address: 192.0.2.1, identity: server }
unprotected: { interface: wan0, address: 198.51.100.${site + 1} }
spd:
  - name: peer
    selector: { local: [10.${site + 1}.0.0/24, "fd00:${site + 1}::/64"], remote: [10.${2 - site}.0.0/24, "fd00:${2 - site}::/64"] }
    action: PROTECT
    requestPeer: ${sites[1 - site]}
`;

export class RehearsedNetwork {
  readonly #stage: Stage;
  readonly #server: RehearsedServer;
  readonly #routers: readonly RehearsedRouter[];
  readonly #wire: (() => void)[] = [];
  #now = 1_234_567.891;

  constructor(random: (octets: number) => Uint8Array) {
    const stage: Stage = {
      random,
      uint32: () => new DataView(random(4).buffer).getUint32(0),
      now: () => this.#now,
      preSharedKey: random(32),
    };
    this.#stage = stage;
    this.#server = new RehearsedServer(stage, policyFile, (datagram, to) =>
      this.#transmit(datagram, serverEndpoint, to),
    );
    this.#routers = sites.map((_, site) => {
      const settings = parseRouterFile(routerFile(site), 'rehearsal');
      return new RehearsedRouter(
        stage,
        settings,
        endpointOf(`198.51.100.${site + 1}`),
        endpointOf(`2001:db8::${site + 1}`),
      );
    });
    for (const router of this.#routers) router.start();
    this.#settle();
  }

  /**
   * Sends a packet whose SAs are not there yet and the reply, which finds them, checks that both arrive, and takes the SAs back. Rounds in
   * order go through everything together: the server's next proposal each round, then the other way, the next content, the other family.
   */
  carry(round: number): void {
    const turn = Math.floor(round / rehearsedProposals.length);
    const from = turn % 2;
    const content = contents[Math.floor(turn / 2) % contents.length] ?? 'other';
    const family = Math.floor(turn / (2 * contents.length)) % 2 === 0 ? 4 : 6;
    for (const site of [from, 1 - from]) {
      const packet = samplePacket({
        source: hostOf(site, family),
        destination: hostOf(1 - site, family),
        content,
        port: round % 2 === 0 ? telephonyPort : otherPort,
        number: round,
      });
      if (!this.#arrives(packet, this.#routers[site], this.#routers[1 - site])) {
        const what = site === from ? 'packet' : 'reply';
        throw new HostError(
          'FIRMWARE_SELF_TEST',
          `${what} ${round} of the start-up rehearsal did not arrive as it was: no traffic is carried`,
        );
      }
    }
    this.#server.nextPolicies();
    this.#settle();
    const isSilent = round % roundsBetweenSilences === 0;
    this.#now += isSilent ? silenceMs : roundMs;
    if (isSilent) this.#settle();
  }

  close(): void {
    for (const router of this.#routers) router.close();
    this.#server.close();
    this.#stage.preSharedKey.fill(0);
  }

  /** Whether a packet of a host behind one router comes out of the other, as it was and alone. */
  #arrives(
    packet: Uint8Array,
    sender: RehearsedRouter | undefined,
    receiver: RehearsedRouter | undefined,
  ): boolean {
    sender?.kernel.inner.push(packet);
    this.#settle();
    const [arrived, ...more] = receiver?.kernel.written.splice(0) ?? [];
    return arrived !== undefined && more.length === 0 && Buffer.compare(arrived, packet) === 0;
  }

  /** Lets everything happen that happens without time passing. */
  #settle(): void {
    for (let step = 0; step < maximumSteps; step++) {
      let done = this.#server.run(this.#now);
      for (const router of this.#routers) {
        done += router.run(this.#now);
        const { udp4, raw4 } = router.kernel;
        for (const { bytes, to } of udp4.sent.splice(0)) this.#transmit(bytes, router.local, to);
        for (const { bytes, to } of raw4.sent.splice(0)) this.#transmitRaw(bytes, router.local, to);
      }
      for (let arrival = this.#wire.shift(); arrival !== undefined; arrival = this.#wire.shift()) {
        arrival();
        done++;
      }
      if (done === 0) return;
    }
  }

  /** ESP without UDP, which the other kernel hands over with its IP header. */
  #transmitRaw(esp: Uint8Array, from: Endpoint, to: Endpoint): void {
    const bytes = ipPacket(from.address, to.address, espProtocol, esp);
    const router = this.#routers.find(({ local }) => equalAddresses(local.address, to.address));
    this.#wire.push(() =>
      router?.kernel.raw4.waiting.push({ bytes, from: { address: from.address, port: 0 } }),
    );
  }

  #transmit(bytes: Uint8Array, from: Endpoint, to: Endpoint): void {
    const router = this.#routers.find(({ local }) => equalAddresses(local.address, to.address));
    this.#wire.push(() => {
      if (router !== undefined) router.kernel.udp4.waiting.push({ bytes, from });
      else this.#server.datagram(bytes, from, to);
    });
  }
}

function hostOf(site: number, family: 4 | 6): Address {
  if (family === 4) return addressOf(Uint8Array.of(10, site + 1, 0, 9));
  return addressOf(Uint8Array.of(0xfd, 0, 0, site + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9));
}

function endpointOf(text: string): Endpoint {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return { address: parsed.value, port: 4500 };
}
