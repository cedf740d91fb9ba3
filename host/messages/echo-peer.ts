/**
 * The echo peer: a router that is in every setting server, with which any router can set up SAs in the ordinary way and see
 * whether a packet comes back. Its name begins as no name in a settings file may, so that no router can have it.
 */
export const echoPeerName = '_echo';

/** The kind of its one distribution policy, which stands in no file. */
export const selfTestKind = 'self-test';
