/** A way from one site's host to another's: two routers between them, whatever they are, in a network of their own. */
import type { Stage } from '../stage.ts';

export interface Contestant {
  /** As `--only` and the rows name it. */
  readonly name: string;
  readonly stage: Stage;
  /** What moves the packets at both ends; none where the kernel alone does. */
  readonly pids: readonly number[];
  /** Control sockets of routers of ours. */
  readonly controlSockets?: readonly string[];
  /** From now on nobody minds when its processes end. */
  letGo?(): void;
}

/** What a contestant is before its network stands. */
export interface Entrant {
  readonly name: string;
  /** Ours, and those that come with `--peers`, by what they are called there; null: what the others are measured against. */
  readonly side: 'ours' | 'strongswan' | 'wireguard-go' | 'openvpn' | null;
  /** Brings the two routers up in a network without IPsec. Throws HostError. */
  readonly start: (stage: Stage) => Promise<Pick<Contestant, 'pids' | 'controlSockets' | 'letGo'>>;
}
