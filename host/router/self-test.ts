/**
 * The self-test of a running router: does a packet go to the setting server and come back, through SAs that are set up for it in
 * the ordinary way? It needs channel, setting protocol, keys, engine and path at once, and so says whether a new version works.
 */
import { HostError } from '../model/host-error.ts';

/** Milliseconds of each part; null where it was not reached. */
export interface SelfTestLegs {
  /** Until the server could be asked: 0 with a channel. */
  readonly channelMs: number | null;
  /** From the request to SAs in place. */
  readonly keysMs: number | null;
  /** From the first packet to the reply. */
  readonly echoMs: number | null;
}

export interface SelfTestResult {
  readonly ok: boolean;
  /** From the beginning to the end. */
  readonly milliseconds: number;
  readonly legs: SelfTestLegs;
  /** Why not, and at which leg. */
  readonly reason?: string;
}

/** How long a self-test may take unless its caller says otherwise. */
export const selfTestWithinMs = 10_000;
const longestSelfTestMs = 120_000;

/** What a self-test needs of a running router (running-router.ts). */
export interface SelfTestable {
  ask(question: 'self-test', withinMs: number): Promise<SelfTestResult>;
}

/**
 * Sets SAs with the server's echo peer up, sends a packet through them and waits for the reply, takes the SAs down. No other SA is
 * touched. Never rejects: a router whose worker does not answer has failed. A second test while one is under way shares its result.
 */
export async function selfTest(router: SelfTestable, withinMs = selfTestWithinMs): Promise<SelfTestResult> {
  try {
    return await router.ask('self-test', withinMs);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const legs = { channelMs: null, keysMs: null, echoMs: null };
    return { ok: false, milliseconds: withinMs, legs, reason };
  }
}

/** `{withinMs}` of a request at the control socket. Throws HostError USAGE. */
export function selfTestOrder(body: unknown): number {
  if (body === undefined || body === null) return selfTestWithinMs;
  const withinMs: unknown = typeof body === 'object' ? Reflect.get(body, 'withinMs') : null;
  if (withinMs === undefined) return selfTestWithinMs;
  if (typeof withinMs === 'number' && withinMs >= 100 && withinMs <= longestSelfTestMs) return withinMs;
  throw new HostError('USAGE', `expected {"withinMs": 100 to ${longestSelfTestMs}} or {}`);
}
