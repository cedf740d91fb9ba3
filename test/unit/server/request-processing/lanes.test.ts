import { describe, expect, it } from 'vitest';
import { Scene } from './scene.ts';

describe('requests for several lanes of one kind', () => {
  it('each get an entry, and a startup that names the lane', () => {
    const scene = new Scene();
    scene.request('tokyo', 'osaka', { lane: 0 });
    scene.request('tokyo', 'osaka', { lane: 2 });
    const startups = scene.said().filter(({ type }) => type === 'request-startup');
    expect(startups).toMatchObject([{ lane: 0 }, { lane: 2 }]);
    expect(scene.server.table(scene.now)).toMatchObject([
      { state: 'half-empty', lane: 0 },
      { state: 'half-empty', lane: 2 },
    ]);
  });

  it('are filled by a request for the same lane alone', () => {
    const scene = new Scene();
    const first = scene.request('tokyo', 'osaka', { lane: 0 });
    const third = scene.request('tokyo', 'osaka', { lane: 2 });
    scene.said();
    const answer = scene.request('osaka', 'tokyo', { lane: 2 });
    const ids = scene.said().map(({ type, id }) => `${type} ${id}`);
    expect(ids.sort()).toEqual([`distribution ${answer.id}`, `distribution ${third.id}`].sort());
    expect(scene.states()).toEqual(['half-empty', 'distributed']);
    scene.request('osaka', 'tokyo', { lane: 0, startupId: first.id });
    expect(scene.states()).toEqual(['distributed', 'distributed']);
  });

  it('that answer a startup in another lane are ignored', () => {
    const scene = new Scene();
    const first = scene.request('tokyo', 'osaka', { lane: 1 });
    scene.request('osaka', 'tokyo', { lane: 0, startupId: first.id });
    expect(scene.states()).toEqual(['half-empty']);
  });

  it('are contents inconsistent when an id comes again in another lane', () => {
    const scene = new Scene();
    const first = scene.request('tokyo', 'osaka', { lane: 1 });
    scene.said();
    scene.send({ ...first, lane: 0 });
    expect(scene.said()).toMatchObject([{ type: 'contents-inconsistent', id: first.id }]);
  });

  it('keep their lane through a restart of the server', () => {
    const scene = new Scene();
    scene.request('tokyo', 'osaka', { lane: 3 });
    scene.request('osaka', 'tokyo', { lane: 3 });
    expect([...scene.stored.values()]).toMatchObject([{ lane: 3 }]);
    const later = new Scene({ restartOf: scene });
    expect(later.server.table(later.now)).toMatchObject([{ lane: 3, state: 'withdrawing' }]);
  });
});
