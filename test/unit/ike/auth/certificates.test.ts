import { createHash, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { authoritiesIn, revocationListsIn, Trust } from '../../../../host/certificates/trust.ts';
import type { InitiatorConfig } from '../../../../host/ike/initiator.ts';
import type { ResponderConfig } from '../../../../host/ike/responder.ts';
import { fqdnIdentity, identityKey } from '../../../../host/ike/wire/identification.ts';
import type { CertificateTrust, OwnCertificate } from '../../../../host/model/certificate-trust.ts';
import { type Credentials, certificates, sharedKey } from '../../../../host/model/credentials.ts';
import { describeWith } from '../../../requirements.ts';
import {
  type Issued,
  type KeyKind,
  type OpensslAuthority,
  OpensslFolder,
} from '../../certificates/openssl-authority.ts';
import { actionsOf, key, outcomes, Pair, type PairOptions, routerIdentity } from '../ends/pair.ts';

let folder: OpensslFolder;
let root: OpensslAuthority;
let router: Issued;
let server: Issued;
beforeAll(() => {
  folder = new OpensslFolder();
  root = folder.authority('root');
  router = root.authority('office').issue('router-a.example');
  server = root.issue('server.example');
});
afterAll(() => folder.remove());

const now = Date.now() + 3_600_000;

function trust(authority: OpensslAuthority, lists?: string): Trust {
  return new Trust({
    authorities: authoritiesIn(authority.pem, 'ca.crt'),
    revocationLists: lists === undefined ? [] : revocationListsIn(lists, 'ca.crl'),
    revocation: lists === undefined ? 'ifPresent' : 'required',
    time: () => ({ atLeastUtcMs: now }),
  });
}

interface Ends {
  readonly router: Credentials;
  readonly server: Credentials;
  /** What the responder tells strangers and judges them by. */
  readonly trust?: CertificateTrust;
}

function options({ router: atRouter, server: atServer, trust: judge }: Ends): PairOptions {
  const initiator: Partial<InitiatorConfig> = { credentials: atRouter };
  const responder: Partial<ResponderConfig> = {
    credentialsFor: (identity) =>
      identityKey(identity) === identityKey(routerIdentity) ? atServer : undefined,
    certificateTrust: () => judge,
  };
  return { initiator, responder };
}

function run(ends: Ends, changes: PairOptions = {}): Pair {
  const made = options(ends);
  const pair = new Pair({ ...made, ...changes, initiator: { ...made.initiator, ...changes.initiator } });
  pair.start();
  return pair.run();
}

/** Both ends with certificates by `root`. */
function both(
  own: OwnCertificate = router,
  other: OwnCertificate = server,
  judge: CertificateTrust = trust(root),
): Ends {
  return { router: certificates(own, judge), server: certificates(other, judge), trust: judge };
}

/** Asks for certificates of the same authorities as `other` does. */
const asking = ({ authorityKeyHashes }: Trust) => ({ authorityKeyHashes });

const results = (pair: Pair): string[] => [
  ...outcomes(pair.initiatorActions),
  ...outcomes(pair.responderActions),
];

describeWith(['openssl'], 'certificates at both ends', () => {
  it('establish in two round trips, through a chain, in fragments', () => {
    const pair = run(both());
    expect(results(pair)).toEqual(['established', 'established']);
    expect(pair.now).toBe(40);
    expect(pair.sent.length).toBeGreaterThan(4);
    expect(actionsOf(pair.responderActions, 'established')[0]!.peerIdentity).toEqual(routerIdentity);
  });

  it.each(['p256', 'p384', 'ed25519', 'rsa'] satisfies KeyKind[])('establish with keys of %s', (kind) => {
    const authority = folder.authority(`root-${kind}`, { key: kind });
    const judge = trust(authority);
    const own = authority.issue('router-a.example', { key: kind });
    const other = authority.issue('server.example', { key: kind });
    expect(results(run(both(own, other, judge)))).toEqual(['established', 'established']);
  });

  it('announce hashes and authorities in IKE_SA_INIT', () => {
    const [request, answer] = run(both()).sent.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
    // SIGNATURE_HASH_ALGORITHMS (16431), protocol 0, no SPI: SHA2-256, -384, -512, Identity.
    const notify = '0000402f0002000300040005';
    expect(request).toContain(notify);
    expect(answer).toContain(notify);
    const spki = createPublicKey(root.pem).export({ type: 'spki', format: 'der' });
    expect(answer).toContain(`04${createHash('sha1').update(spki).digest('hex')}`);
  });

  it('are shown whatever authorities the peer asks for: there is one to show', () => {
    const stranger = trust(folder.authority('asked-for'));
    const judge = trust(root);
    const pair = run({
      router: certificates(router, { ...asking(stranger), judge: judge.judge.bind(judge) }),
      server: certificates(server, judge),
      trust: stranger,
    });
    const asked = Buffer.from(stranger.authorityKeyHashes[0]!).toString('hex');
    expect(Buffer.from(pair.sent[1]!.bytes).toString('hex')).toContain(asked);
    expect(results(pair)).toEqual(['established', 'established']);
  });

  it('are not announced where nobody shows one', () => {
    const credentials = sharedKey(key('correct horse battery staple'));
    const pair = run({ router: credentials, server: credentials });
    expect(results(pair)).toEqual(['established', 'established']);
    expect(Buffer.from(pair.sent[0]!.bytes).toString('hex')).not.toContain('0000402f');
  });
});

describeWith(['openssl'], 'a mixture', () => {
  const shared = sharedKey(key('correct horse battery staple'));
  let judge: Trust;
  beforeAll(() => {
    judge = trust(root);
  });

  it('of a key from the router and a certificate from the server works where it is configured', () => {
    const pair = run({
      router: { own: shared.own, peer: { kind: 'certificate', trust: judge } },
      server: { own: { kind: 'certificate', certificate: server }, peer: shared.peer },
    });
    expect(results(pair)).toEqual(['established', 'established']);
  });

  it('of a certificate from the router and a key from the server does too', () => {
    const pair = run({
      router: { own: { kind: 'certificate', certificate: router }, peer: shared.peer },
      server: { own: shared.own, peer: { kind: 'certificate', trust: judge } },
      trust: judge,
    });
    expect(results(pair)).toEqual(['established', 'established']);
  });

  it('is refused where it is not: by the server', () => {
    expect(results(run({ router: shared, server: certificates(server, judge), trust: judge }))).toEqual([
      'failed authentication-failed',
      'refused authentication-failed',
    ]);
    expect(results(run({ router: certificates(router, judge), server: shared, trust: judge }))).toEqual([
      'failed authentication-failed',
      'refused authentication-failed',
    ]);
  });

  it('is refused where it is not: by the router', () => {
    const pair = run({
      router: certificates(router, judge),
      server: { own: shared.own, peer: { kind: 'certificate', trust: judge } },
      trust: judge,
    });
    expect(outcomes(pair.initiatorActions)).toContain('failed authentication-failed');
    const other = run({
      router: shared,
      server: { own: { kind: 'certificate', certificate: server }, peer: shared.peer },
    });
    // The router announced no hash that it verifies, so the server signs as of old.
    expect(outcomes(other.initiatorActions)).toContain('failed authentication-failed');
  });
});

describeWith(['openssl'], 'a router is refused', () => {
  const refusal = (ends: Ends, changes?: PairOptions): string[] => {
    const pair = run(ends, changes);
    expect(outcomes(pair.initiatorActions)).toEqual(['failed authentication-failed']);
    expect(pair.responders.counters[reasonOf(pair)]).toBe(1);
    return outcomes(pair.responderActions);
  };
  const reasonOf = (pair: Pair) => actionsOf(pair.responderActions, 'refused')[0]!.reason;

  it('with a certificate for another name', () => {
    const judge = trust(root);
    expect(refusal(both(root.issue('router-b.example'), server, judge))).toEqual([
      'refused certificate-name',
    ]);
  });

  it('by another authority', () => {
    const stranger = folder.authority('stranger');
    const made = both(stranger.issue('router-a.example'));
    expect(refusal(made)).toEqual(['refused certificate-untrusted']);
  });

  it('with a certificate that is revoked', () => {
    const authority = folder.authority('revoking');
    const [own, other] = [authority.issue('router-a.example'), authority.issue('server.example')];
    authority.revoke(own.file);
    const judge = trust(authority, authority.revocationList());
    expect(refusal(both(own, other, judge))).toEqual(['refused certificate-revoked']);
  });

  it('without the key of its certificate', () => {
    const thief = root.issue('router-b.example');
    const made = both({ ...router, privateKey: thief.privateKey });
    expect(refusal(made)).toEqual(['refused authentication-failed']);
  });

  it('that is unknown, whatever certificate it has', () => {
    const made = both(root.issue('router-z.example'));
    expect(refusal(made, { initiator: { identity: fqdnIdentity('router-z.example') } })).toEqual([
      'refused authentication-failed',
    ]);
  });

  it('that shows one where the server has nobody to judge it', () => {
    const judge = trust(root);
    const shared = sharedKey(key('correct horse battery staple'));
    expect(refusal({ router: certificates(router, judge), server: shared })).toEqual([
      'refused authentication-failed',
    ]);
  });
});

describeWith(['openssl'], 'whose chain it was', () => {
  /** How often a chain counted as that of a router that was let in. */
  const accepted = (
    own: OwnCertificate,
    changes: PairOptions = {},
    more: Partial<Credentials> = {},
  ): number => {
    let count = 0;
    const judge = trust(root);
    const noting = {
      authorityKeyHashes: judge.authorityKeyHashes,
      judge: judge.judge.bind(judge),
      accepted: () => {
        count += 1;
      },
    };
    const ends = both(own);
    run({ ...ends, server: { ...certificates(server, noting), ...more }, trust: noting }, changes);
    return count;
  };

  it('counts when the router is let in', () => {
    expect(accepted(router)).toBe(1);
  });

  it('does not count for who replays it without its key', () => {
    const thief = root.issue('router-b.example');
    expect(accepted({ ...router, privateKey: thief.privateKey })).toBe(0);
  });

  it('does not count where something else that is wanted is missing', () => {
    const other = { initiator: { peerIdentity: fqdnIdentity('other.example') } };
    expect(accepted(router, other)).toBe(0);
    const ppk = { id: 'ppk-1', key: key('0123456789abcdef0123456789abcdef'), isRequired: true };
    expect(accepted(router, {}, { ppk })).toBe(0);
  });
});

describeWith(['openssl'], 'a server is refused', () => {
  it.each([
    ['with a certificate for another name', () => root.issue('other.example'), 'certificate-name'],
    [
      'by another authority',
      () => folder.authority('other').issue('server.example'),
      'certificate-untrusted',
    ],
  ] as const)('%s, and is told so', (_, make, reason) => {
    const pair = run(both(router, make()));
    expect(outcomes(pair.initiatorActions)).toContain(`failed ${reason}`);
    expect(outcomes(pair.responderActions)).toEqual(['established', 'closed authentication-failed']);
  });
});
