import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
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
      `+  - { name: "nagoya", credential: { preSharedKeyFile: nagoya.psk }, networks: ['10.3.0.0/16', 'fd00:3::/48'] }`,
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

  it.each([
    ['block', '  - name: tokyo\n    revoked: T\n    X: []\n    certificatesSince: T # since\n    Y: 1\n'],
    ['block, first in its entry', '  - certificatesSince: T\n    name: tokyo\n    revoked: T\n    Y: 1\n'],
    ['flow', '  - { name: tokyo, certificatesSince: T, X: 1, revoked: T }\n'],
    ['flow on several lines', '  - { name: tokyo,\n      revoked: T,\n      certificatesSince: T, Y: 1 }\n'],
  ])('leaves one of both times where a person had typed both: %s', (_, entry) => {
    const text = `routers:\n${entry.replaceAll('T', '2025-01-01T00:00:00Z')}`;
    const again = withTime(text, 'tokyo', 'certificatesSince', time, ['revoked']) ?? '';
    const router = parse(again).routers[0];
    expect(router).toMatchObject({ name: 'tokyo', certificatesSince: time });
    expect(Object.keys(router).toSorted()).toEqual(
      ['X', 'Y', 'certificatesSince', 'name'].filter((field) => again.includes(field)),
    );
    expect(again).not.toContain('revoked');
    const revoked = parse(withTime(text, 'tokyo', 'revoked', time, ['certificatesSince']) ?? '').routers[0];
    expect(revoked.revoked).toBe(time);
    expect(revoked.certificatesSince).toBeUndefined();
  });

  it('is none where it would not come out as meant', () => {
    const text = `routers:\n  - { name: tokyo, revoked: ${time}, # one, two\n      certificatesSince: ${time} }\n`;
    expect(withTime(text, 'tokyo', 'revoked', time, ['certificatesSince'])).toBeUndefined();
  });

  it.each(['2024', 'true', 'null', '1e5', '0x1f'])('adds a router that is called %s', (name) => {
    const after = withRouter(block, { ...nagoya, name }) ?? '';
    expect(parsePolicyFile(after, 'x').routers.at(-1)?.name).toBe(name);
    const revoked = withTime(after, name, 'revoked', time, []) ?? '';
    expect(revokedIn(revoked)).toEqual([name]);
  });

  it('finds no router that is not there', () => {
    expect(withTime(block, 'kyoto', 'revoked', time, [])).toBeUndefined();
    expect(withRouter('version: 1\n', nagoya)).toBeUndefined();
  });
});
