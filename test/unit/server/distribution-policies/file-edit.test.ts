import { describe, expect, it } from 'vitest';
import { withRouter, withTime } from '../../../../host/server/distribution-policies/file-edit.ts';
import { parsePolicyFile } from '../../../../host/server/distribution-policies/policy-file.ts';

const block = `version: 1
# Our sites.
routers:
  - name: tokyo  # the main one
    credential: { preSharedKeyFile: tokyo.psk }
    networks: [ 10.1.0.0/16 ]
  - { name: osaka, credential: { preSharedKeyFile: osaka.psk }, networks: [10.2.0.0/16] } # small

distributionPolicies:
  - { kind: all, between: ['*', '*'] } # everybody
`;
const time = '2026-11-27T12:00:00Z';
const nagoya = {
  name: 'nagoya',
  credential: '{ preSharedKeyFile: nagoya.psk }',
  networks: ['10.3.0.0/16', 'fd00:3::/48'],
};

/** Lines that are not in both. */
function difference(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `-${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+${line}`),
  ];
}

const revokedIn = (text: string) =>
  parsePolicyFile(text, 'x').routers.flatMap(({ name, revokedUtcMs }) =>
    revokedUtcMs === undefined ? [] : [name],
  );

describe('an edit of the server’s file', () => {
  it('adds a router behind the last one, and changes nothing else', () => {
    const after = withRouter(block, nagoya) ?? '';
    expect(difference(block, after)).toEqual([
      `+  - { name: nagoya, credential: { preSharedKeyFile: nagoya.psk }, networks: ['10.3.0.0/16', 'fd00:3::/48'] }`,
    ]);
    expect(parsePolicyFile(after, 'x').routers.map(({ name }) => name)).toEqual(['tokyo', 'osaka', 'nagoya']);
  });

  it.each([
    'routers: []\n',
    'routers: [ ] # none\n',
    'routers: [{ name: a, credential: { preSharedKeyFile: a }, networks: [10.9.0.0/16] }]\n',
  ])('adds one to %j', (routers) => {
    const after = withRouter(`version: 1\n${routers}`, nagoya) ?? '';
    expect(parsePolicyFile(after, 'x').routers.map(({ name }) => name)).toContain('nagoya');
  });

  it.each(['tokyo', 'osaka'])('revokes %s and lets it in again, on its own line', (router) => {
    const revoked = withTime(block, router, 'revoked', time, []) ?? '';
    expect(revokedIn(revoked)).toEqual([router]);
    expect(difference(block, revoked).length).toBeLessThanOrEqual(2);
    const again = withTime(revoked, router, 'certificatesSince', time, ['revoked']) ?? '';
    expect(revokedIn(again)).toEqual([]);
    const since = parsePolicyFile(again, 'x').routers.find(({ name }) => name === router);
    expect(since?.certificatesSinceUtcMs).toBe(Date.parse(time));
    const twice = withTime(again, router, 'revoked', time, ['certificatesSince']) ?? '';
    expect(twice).toBe(revoked);
    for (const remark of ['# Our sites.', '# the main one', '# small', '# everybody']) {
      expect(twice).toContain(remark);
    }
  });

  it('finds no router that is not there', () => {
    expect(withTime(block, 'kyoto', 'revoked', time, [])).toBeUndefined();
    expect(withRouter('version: 1\n', nagoya)).toBeUndefined();
  });
});
