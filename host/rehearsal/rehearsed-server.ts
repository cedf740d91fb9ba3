/**
 * The setting server of a rehearsal: the shipped server with its store in memory. Its policy file is parsed as any other, in
 * one version for each rehearsed proposal; another version in force withdraws the SAs of the one before.
 */
import { Dataplane } from '../dataplane/dataplane.ts';
import { SpiAllocator } from '../dataplane/spi-allocator.ts';
import { maximumMessageOctets } from '../messages/limits.ts';
import type { Endpoint } from '../model/address.ts';
import { sharedKey } from '../model/credentials.ts';
import { EventLog } from '../model/event-log.ts';
import type { Instant } from '../model/instant.ts';
import { defaultProposal } from '../model/proposal.ts';
import { Secret } from '../model/secret.ts';
import { parsePolicyFile } from '../server/distribution-policies/policy-file.ts';
import { PolicySet } from '../server/distribution-policies/policy-set.ts';
import { assignRevisions, type Revision } from '../server/distribution-policies/revisions.ts';
import { RequestProcessing } from '../server/request-processing/request-processing.ts';
import { Rollout } from '../server/rollout/rollout.ts';
import { Server } from '../server/server.ts';
import { SqliteStore } from '../server/store/sqlite-store.ts';
import type { Stage } from './stage.ts';

/** Headers, ESP and padding around a setting message. */
const encapsulationOctets = 256;
/** When this machine was booted, as far as the rehearsal is concerned. */
const epochMs = Date.UTC(2026, 0, 1);
const capacities = {
  saPairs: 64,
  packetSlots: 1,
  bundles: 1,
  heldPackets: 1,
  spdRows: 16,
  spdEntries: 4,
  bindingRows: 256,
  packetOctets: maximumMessageOctets + encapsulationOctets,
};

/**
 * One proposal of each way through the engine; all others take the same ways with other numbers, and every cipher gave its
 * known answer before.
 */
export const rehearsedProposals = [defaultProposal, 'aes256gcm16', 'aes256-sha256'] as const;

export class RehearsedServer {
  readonly #server: Server;
  readonly #store = new SqliteStore(':memory:');
  readonly #policies: readonly PolicySet[];
  #version = 0;
  #wakeAt: Instant | undefined;

  /**
   * @param policyFile gives the text of the policy file for a proposal
   * @param send carries a datagram to a router; the octets are copied
   */
  constructor(
    stage: Stage,
    policyFile: (proposal: string) => string,
    send: (datagram: Uint8Array, to: Endpoint) => void,
  ) {
    const { random, now } = stage;
    const book = new Map<string, Revision>();
    this.#policies = rehearsedProposals.map((proposal) => {
      const settings = parsePolicyFile(policyFile(proposal), 'rehearsal');
      const { policies, changed } = assignRevisions(settings.distributionPolicies, book);
      for (const revision of changed) book.set(revision.key, revision);
      return new PolicySet(settings.routers, policies);
    });
    const processing = new RequestProcessing({
      policies: this.#policies[0] as PolicySet, // there is at least one proposal
      random,
      utcMsAt: (instant) => epochMs + instant,
    });
    this.#server = new Server({
      identity: 'server',
      credentialsFor: () => sharedKey(new Secret(stage.preSharedKey.slice())),
      utcAtLeast: (instant) => epochMs + instant,
      processing,
      rollout: new Rollout({ random, utcMsAt: (instant) => epochMs + instant }),
      spiAllocator: new SpiAllocator(capacities.saPairs, stage.uint32),
      events: new EventLog('server'),
      ports: {
        engine: new Dataplane({ random, capacities }),
        send: (datagram, to) => send(datagram.slice(), to),
        now,
        random,
        wakeAt: (at) => {
          this.#wakeAt = at;
        },
        commit: (change) => this.#store.commit(change),
        audit: ({ what, router, peer, kindName, detail }) =>
          this.#store.audit({ atUtcMs: epochMs + Math.floor(now()), what, router, peer, kindName, detail }),
        log: () => {},
      },
    });
    this.#server.start(processing.start(now()));
  }

  datagram(bytes: Uint8Array, from: Endpoint, to: Endpoint): void {
    this.#server.datagram(bytes, from, to);
  }

  /** Puts the policies with the next proposal into force. */
  nextPolicies(): void {
    this.#version = (this.#version + 1) % this.#policies.length;
    const policies = this.#policies[this.#version];
    if (policies !== undefined) this.#server.replacePolicies(policies, []);
  }

  /** Does what is due. Returns how much there was. */
  run(now: Instant): number {
    if (this.#wakeAt === undefined || this.#wakeAt > now) return 0;
    this.#wakeAt = undefined;
    this.#server.deadline();
    return 1;
  }

  close(): void {
    this.#store.close();
  }
}
