import { describe, expect, it } from 'vitest';
import { explainPolicy, formatExplanation } from '../../../../host/server/distribution-policies/explain.ts';
import { kindOfPacket } from '../../../../host/server/distribution-policies/pair-setting.ts';
import { packet, policy, policySet, selector } from '../request-processing/scene.ts';

const web = [selector('0.0.0.0/0', '0.0.0.0/0', { protocol: 6, remotePorts: { first: 443, last: 443 } })];
const set = policySet(
  policy('any', { between: ['*', '*'] }),
  policy('web', { selectors: web }),
  policy('any', { between: ['osaka', '*'] }),
  policy('elsewhere', { between: ['tokyo', 'kyoto'] }),
  policy('far', { selectors: [selector('10.9.0.0/16', '0.0.0.0/0')] }),
);

describe('explaining policies', () => {
  it('says which applies to a packet and why each other does not', () => {
    const explanation = explainPolicy(set, 'tokyo', 'osaka', packet('10.1.0.1', '10.2.0.1'));
    expect(explanation.applies).toBe('web');
    expect(explanation.policies.map(({ kind, verdict }) => [kind, verdict])).toEqual([
      ['web', 'applies'],
      ['far', 'no-match'],
      ['any', 'later'],
      ['any', 'shadowed'],
      ['elsewhere', 'other-pair'],
    ]);
    expect(formatExplanation(explanation)).toContain('web applies');
  });

  it('agrees with what request processing would choose, from either end', () => {
    for (const [a, b] of [
      ['tokyo', 'osaka'],
      ['osaka', 'tokyo'],
      ['kyoto', 'tokyo'],
      ['osaka', 'kyoto'],
    ] as const) {
      for (const remotePort of [22, 443]) {
        const [from, to] = [a, b].map(
          (name) => ({ tokyo: '10.1.0.1', osaka: '10.2.0.1', kyoto: '10.3.0.1' })[name]!,
        );
        const asked = packet(from!, to!, { remotePort });
        expect(explainPolicy(set, a, b, asked).applies).toBe(kindOfPacket(set, a, b, asked));
      }
    }
  });

  it('lists the pair’s policies in order when no packet is named', () => {
    const explanation = explainPolicy(set, 'tokyo', 'kyoto');
    expect(explanation.applies).toBeUndefined();
    expect(explanation.policies.slice(0, 2).map(({ kind, verdict }) => [kind, verdict])).toEqual([
      ['elsewhere', 'candidate'],
      ['any', 'candidate'],
    ]);
  });

  it.each([
    ['tokyo', 'nara', 'router nara is not in the file'],
    ['tokyo', 'tokyo', 'a router gets no setting with itself'],
  ])('says what stands in the way between %s and %s', (a, b, obstacle) => {
    expect(explainPolicy(set, a, b)).toMatchObject({ obstacle, applies: undefined });
  });

  it('says that there is no policy for the pair', () => {
    const small = policySet(policy('elsewhere', { between: ['tokyo', 'kyoto'] }));
    expect(explainPolicy(small, 'tokyo', 'osaka').obstacle).toBe('no policy is for tokyo and osaka');
  });
});
