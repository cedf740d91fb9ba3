import { describe, expect, it } from 'vitest';
import { Scene, selector } from './scene.ts';

const [north, south] = [
  { selectors: [selector('10.1.0.0/17', '10.2.0.0/16')] },
  { selectors: [selector('10.1.128.0/17', '10.2.0.0/16')] },
];
const southSeenFromOsaka = { selectors: [selector('10.2.0.0/16', '10.1.128.0/17')] };

describe('several SPD entries for one peer and kind', () => {
  it('each get an entry of the management table at the same time', () => {
    const scene = new Scene();
    scene.request('tokyo', 'osaka', north);
    scene.request('tokyo', 'osaka', south);
    expect(scene.states()).toEqual(['half-empty', 'half-empty']);
    expect(scene.heard()).toEqual(['request-startup -> osaka', 'request-startup -> osaka']);
  });

  it('are told apart by what the other end asks for', () => {
    const scene = new Scene();
    const first = scene.request('tokyo', 'osaka', north);
    const second = scene.request('tokyo', 'osaka', south);
    scene.said();
    const answer = scene.request('osaka', 'tokyo', southSeenFromOsaka);
    const ids = scene.said().map((message) => `${message.type} ${message.id}`);
    expect(ids.sort()).toEqual([`distribution ${answer.id}`, `distribution ${second.id}`].sort());
    expect(scene.states()).toEqual(['half-empty', 'distributed']);
    expect(first.id).not.toBe(second.id);
  });

  it('are replaced each by its own newer request', () => {
    const scene = new Scene();
    scene.request('tokyo', 'osaka', north);
    scene.request('tokyo', 'osaka', south);
    scene.request('tokyo', 'osaka', south);
    expect(scene.states()).toEqual(['half-empty', 'half-empty']);
  });
});

describe('the report of a deleted SA', () => {
  it('is answered by a withdrawal of its id, every time', () => {
    const scene = new Scene();
    const { first } = scene.establish();
    for (let turn = 0; turn < 2; turn += 1) {
      const { id, spi, source, peer } = first;
      scene.send({
        type: 'report',
        id,
        source,
        peer,
        kind: 'all',
        what: 'sa-deleted',
        spi,
        from: null,
        count: 1,
      });
      const answers = scene.said().filter((message) => message.source === source);
      expect(answers).toMatchObject([{ type: 'withdraw', ids: [id] }]);
    }
  });

  it('ends a request that waits for the peer, so that the peer installs nothing', () => {
    const scene = new Scene();
    const { id, spi, source, peer } = scene.request('tokyo', 'osaka');
    scene.send({
      type: 'report',
      id,
      source,
      peer,
      kind: 'all',
      what: 'sa-deleted',
      spi,
      from: null,
      count: 1,
    });
    expect(scene.states()).toEqual([]);
    scene.said();
    scene.request('osaka', 'tokyo', { startupId: id });
    expect(scene.heard()).toEqual([]);
  });
});

describe('the report that there is no SPD entry', () => {
  it('ends the request that it names, and no other of the kind', () => {
    const scene = new Scene();
    const { id } = scene.request('tokyo', 'osaka', north);
    scene.request('tokyo', 'osaka', south);
    scene.said();
    scene.send({
      type: 'report',
      id,
      source: 'osaka',
      peer: 'tokyo',
      kind: 'all',
      what: 'no-spd-entry',
      spi: 0,
      from: null,
      count: 1,
    });
    expect(scene.said()).toMatchObject([{ type: 'refused', id }]);
    expect(scene.states()).toEqual(['half-empty']);
  });
});
