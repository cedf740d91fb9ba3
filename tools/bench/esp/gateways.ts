/**
 * Two packet engines with SAs between them, as two routers have them: what one seals the other opens. Packets lie in the engines'
 * memories, a batch of them, in the same slots each time, as in a router.
 */
import { VERDICT_DELIVER, VERDICT_SEND } from '../../../firmware/abi/verdict.ts';
import { Dataplane } from '../../../host/dataplane/dataplane.ts';
import type { SaPair } from '../../../host/dataplane/engine.ts';
import { type Proposal, parseProposal } from '../../../host/model/proposal.ts';
import type { Spi } from '../../../host/model/security-association.ts';
import type { Selector } from '../../../host/model/selector.ts';
import { espBatch } from './rows.ts';
import { between, keysOf, otherSide, type SaKeyOctets, type Side, sample, saOf } from './sa.ts';

const packetOctets = 2048;
/** Of inbound SAs, whose places follow from the low bits. */
const firstSpi: Readonly<Record<Side, Spi>> = { near: 0x10000, far: 0x20000 };

export class Gateways {
  readonly near: Dataplane;
  readonly far: Dataplane;
  readonly proposal: Proposal;
  readonly #sas: number;
  readonly #addresses = Uint8Array.of(192, 0, 2, 1, 192, 0, 2, 2);

  /** `sas` SAs each way, for the networks 10.1.0.0/16 behind the near one and 10.2.N.0/24 behind the far one. */
  constructor(keyword: string, sas: number) {
    const proposal = parseProposal(keyword);
    if (!proposal.ok) throw new RangeError(proposal.message);
    this.proposal = proposal.value;
    this.#sas = sas;
    this.near = this.#engine('near');
    this.far = this.#engine('far');
  }

  /** Puts inner packets into the near engine's slots. */
  place(packets: readonly Uint8Array[]): void {
    const { batch } = this.near;
    for (let index = 0; index < packets.length; index++) {
      const packet = packets[index] as Uint8Array;
      batch.memory.set(packet, batch.packetAddress(index));
      batch.setOutbound(index, packet.length);
    }
  }

  /** Seals what was placed. */
  seal(): void {
    this.near.runOutbound(espBatch, 0);
  }

  /** Copies what was sealed into the far engine's slots, as its sockets would. */
  carry(): void {
    const { near, far } = this;
    for (let index = 0; index < espBatch; index++) {
      const start = near.batch.espStart(index);
      const length = near.batch.espLength(index);
      far.batch.memory.set(near.batch.memory.subarray(start, start + length), far.batch.packetAddress(index));
      far.batch.setInbound(index, length, 4, true, this.#addresses, 0, 4500, 4, 0);
    }
  }

  /** Opens what was carried. */
  open(): void {
    this.far.runInbound(espBatch, 0);
  }

  /** ESP packets of the last `seal`. Throws RangeError if one was not sealed. */
  sealed(): readonly Uint8Array[] {
    return this.#packets(this.near, VERDICT_SEND, (index) => this.near.batch.copyEsp(index));
  }

  /** Inner packets of the last `open`. Throws RangeError if one was refused. */
  opened(): readonly Uint8Array[] {
    return this.#packets(this.far, VERDICT_DELIVER, (index) => this.far.batch.copyPacket(index));
  }

  #packets(engine: Dataplane, verdict: number, copy: (index: number) => Uint8Array): readonly Uint8Array[] {
    return Array.from({ length: espBatch }, (_, index) => {
      const found = engine.batch.verdict(index);
      if (found === verdict) return copy(index);
      throw new RangeError(
        `packet ${index}: expected verdict ${verdict}, found ${found} (reason ${engine.batch.reason(index)})`,
      );
    });
  }

  /** The keys of SA `number` from the near to the far engine. */
  keys(number: number): SaKeyOctets {
    return keysOf(firstSpi.far + number, this.proposal);
  }

  #engine(side: Side): Dataplane {
    const engine = new Dataplane({
      random: (octets) => sample(`engine ${side}`, octets),
      capacities: {
        saPairs: Math.max(16, 2 ** Math.ceil(Math.log2(this.#sas))),
        spdEntries: this.#sas,
        spdRows: this.#sas,
        bindingRows: 4 * this.#sas,
        packetSlots: espBatch,
        packetOctets,
      },
    });
    const numbers = Array.from({ length: this.#sas }, (_, number) => number);
    engine.change(
      {
        spd: numbers.map((number) => ({
          name: `${number}`,
          selectors: [selectorOf(side, number)],
          action: 'PROTECT' as const,
          requestPeer: otherSide(side),
        })),
        install: numbers.map((number) => ({ pair: this.#pair(side, number), use: true })),
      },
      0,
    );
    return engine;
  }

  #pair(side: Side, number: number): SaPair {
    const selectors = [selectorOf(side, number)];
    return {
      entry: `${number}`,
      kind: 'all',
      precedence: 0,
      precedents: [],
      inbound: saOf(side, 'inbound', firstSpi[side] + number, this.proposal, selectors),
      outbound: saOf(side, 'outbound', firstSpi[otherSide(side)] + number, this.proposal, selectors),
      deliver: 'network',
    };
  }
}

/** What goes through SA `number`, as `side` sees it. */
function selectorOf(side: Side, number: number): Selector {
  const [near, far] = ['10.1.0.0/16', `10.2.${number}.0/24`];
  return side === 'near' ? between(near, far) : between(far, near);
}
