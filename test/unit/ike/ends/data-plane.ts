/**
 * The data plane of one end as a model that is slow and obvious: which CHILD SAs it receives on and through which it sends,
 * going by the actions of an IKE machine alone. A packet is an SPI and the key that sealed it.
 */
import type { ChildSa, IkeAction } from '../../../../host/ike/events.ts';
import { hex } from './pair.ts';

export interface Packet {
  readonly spi: number;
  readonly key: string;
}

interface Installed {
  readonly outbound: Packet;
  readonly inboundKey: string;
}

export class DataPlane {
  /** By inbound SPI. */
  readonly installed = new Map<number, Installed>();
  /** Every key that was ever installed, by direction. */
  readonly outboundKeys: string[] = [];
  readonly inboundKeys: string[] = [];
  used: number | undefined;

  apply(actions: readonly IkeAction[]): void {
    for (const action of actions) {
      if (action.kind === 'established') {
        // A set-up beside an older one takes its place.
        this.installed.clear();
        this.#install(action.childSa);
        this.used = action.childSa.inboundSpi;
      } else if (action.kind === 'child-installed') {
        this.#install(action.childSa);
        if (action.use) this.used = action.childSa.inboundSpi;
      } else if (action.kind === 'child-used') {
        if (!this.installed.has(action.inboundSpi)) throw new Error('what is not installed cannot be used');
        this.used = action.inboundSpi;
      } else if (action.kind === 'child-removed') {
        if (this.used === action.inboundSpi) throw new Error('the CHILD SA in use was removed');
        this.installed.delete(action.inboundSpi);
      } else if (action.kind === 'closed') {
        this.installed.clear();
        this.used = undefined;
      }
    }
  }

  /** A packet for the other end, or nothing without a CHILD SA. */
  seal(): Packet | undefined {
    return this.used === undefined ? undefined : this.installed.get(this.used)?.outbound;
  }

  opens(packet: Packet): boolean {
    return this.installed.get(packet.spi)?.inboundKey === packet.key;
  }

  /** Takes the keys over and wipes them, as the data plane does. */
  #install(childSa: ChildSa): void {
    if (this.installed.has(childSa.inboundSpi)) throw new Error('an inbound SPI was installed twice');
    const outboundKey = keyOf(childSa.outbound);
    const inboundKey = keyOf(childSa.inbound);
    this.outboundKeys.push(outboundKey);
    this.inboundKeys.push(inboundKey);
    this.installed.set(childSa.inboundSpi, {
      outbound: { spi: childSa.outboundSpi, key: outboundKey },
      inboundKey,
    });
    for (const { encryptionKey, authenticationKey, salt } of [childSa.inbound, childSa.outbound]) {
      authenticationKey.wipe();
      encryptionKey.wipe();
      salt.wipe();
    }
  }
}

function keyOf(keys: ChildSa['inbound']): string {
  return hex(keys.encryptionKey.reveal()) + hex(keys.salt.reveal());
}
