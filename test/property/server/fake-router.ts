/**
 * A router as small as the protocol allows, for random tests of the server alone: it asks, answers startups, installs what
 * it is given, deletes what it is told to. It keeps no policy and no packet; the real machine is in host/router.
 */
import type {
  Distribution,
  MessageId,
  RouterMessage,
  ServerMessage,
} from '../../../host/messages/message.ts';
import { networks, selector } from '../../unit/server/request-processing/scene.ts';

interface Asked {
  readonly spi: number;
  readonly peer: string;
  readonly kind: string;
  readonly startupId: MessageId | null;
  repeatAt: number;
  tries: number;
}

export interface InstalledPair {
  readonly peer: string;
  readonly kind: string;
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly inboundKey: string;
  readonly outboundKey: string;
  readonly until: number;
  bothInstalled: boolean;
  repeatAt: number;
}

export class FakeRouter {
  readonly name: string;
  readonly asked = new Map<MessageId, Asked>();
  readonly pairs = new Map<MessageId, InstalledPair>();
  boot: MessageId;
  #send: (message: RouterMessage) => void;
  #newId: () => MessageId;
  #welcomed = false;
  #helloAt = 0;

  constructor(name: string, newId: () => MessageId, send: (message: RouterMessage) => void) {
    this.name = name;
    this.#newId = newId;
    this.#send = send;
    this.boot = newId();
  }

  ask(peer: string, kind: string, now: number, startupId: MessageId | null = null): void {
    if ([...this.asked.values()].some((asked) => asked.peer === peer && asked.kind === kind)) return;
    const id = this.#newId();
    const spi = 256 + (Number.parseInt(this.#newId().slice(-7), 16) % 1_000_000);
    this.asked.set(id, { spi, peer, kind, startupId, repeatAt: now, tries: 0 });
    this.tick(now);
  }

  /** Forgets everything, as a new process does. */
  restart(boot: MessageId): void {
    this.asked.clear();
    this.pairs.clear();
    this.boot = boot;
  }

  reconnect(now: number): void {
    this.#welcomed = false;
    this.#helloAt = now;
    this.tick(now);
  }

  tick(now: number): void {
    if (!this.#welcomed && now >= this.#helloAt) {
      this.#helloAt = now + 1000;
      const { boot, name: source } = this;
      const proposals = ['aes256gcm16'];
      this.#send({
        type: 'hello',
        id: this.#newId(),
        source,
        peer: '',
        kind: '',
        boot,
        proposals,
        software: 'fake',
      });
    }
    // As the real one: nothing is asked before the server has said welcome to this process.
    for (const [id, asked] of this.#welcomed ? this.asked : []) {
      if (now < asked.repeatAt) continue;
      if (asked.tries >= 12) {
        this.asked.delete(id);
        continue;
      }
      asked.tries += 1;
      asked.repeatAt = now + 5000;
      this.#send({
        type: 'request',
        id,
        source: this.name,
        peer: asked.peer,
        kind: asked.kind,
        spi: asked.spi,
        lane: 0,
        selectors: [selector(networks[this.name]!, networks[asked.peer]!)],
        packet: null,
        startupId: asked.startupId,
      });
    }
    for (const [id, pair] of this.pairs) {
      if (now >= pair.until) this.pairs.delete(id);
      else if (!pair.bothInstalled && now >= pair.repeatAt) this.#sayInstalled(id, pair, now);
    }
  }

  hear(message: ServerMessage, now: number): void {
    switch (message.type) {
      case 'welcome':
        this.#welcomed = true;
        return;
      case 'request-startup':
        this.ask(message.peer, message.kind, now, message.id);
        return;
      case 'distribution':
        this.#install(message, now);
        return;
      case 'both-installed': {
        const pair = this.pairs.get(message.id);
        if (pair !== undefined) pair.bothInstalled = true;
        return;
      }
      case 'no-response':
      case 'no-corresponding-entry':
      case 'refused':
      case 'contents-inconsistent':
        this.asked.delete(message.id);
        return;
      case 'withdraw':
        for (const id of message.ids) {
          this.asked.delete(id);
          this.pairs.delete(id);
        }
        this.#send({
          type: 'withdrawn',
          id: message.id,
          source: this.name,
          peer: message.peer,
          kind: message.kind,
        });
    }
  }

  #install(message: Distribution, now: number): void {
    if (!this.asked.delete(message.id)) {
      const known = this.pairs.get(message.id);
      if (known !== undefined) this.#sayInstalled(message.id, known, now);
      return;
    }
    const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');
    const pair: InstalledPair = {
      peer: message.peer,
      kind: message.kind,
      inboundSpi: message.inbound.spi,
      outboundSpi: message.outbound.spi,
      inboundKey: hex(message.inbound.encryptionKey.reveal()),
      outboundKey: hex(message.outbound.encryptionKey.reveal()),
      until: now + message.remainingSeconds * 1000,
      bothInstalled: false,
      repeatAt: now,
    };
    this.pairs.set(message.id, pair);
    this.#sayInstalled(message.id, pair, now);
  }

  #sayInstalled(id: MessageId, pair: InstalledPair, now: number): void {
    pair.repeatAt = now + 1000;
    this.#send({ type: 'installed', id, source: this.name, peer: pair.peer, kind: pair.kind });
  }
}
