/** What the load and the responders under it agree on: the routers that there are, and where IKE is spoken. */

/** Those that set their channels up, in turn. */
export const routerNames: readonly string[] = Array.from({ length: 64 }, (_, number) => `router-${number}`);

/**
 * Handshakes under way at the same time: always one more for the responder to take up, and few enough that no responder's
 * defence against floods sets in (charon's begins with five half-open IKE SAs of an address).
 */
export const atOnce = 4;

/** Both ends speak on 4500 from the first message on, as the channel does. */
export const ikePort = 4500;

/** Name of each responder. */
export const responderName = 'server';
