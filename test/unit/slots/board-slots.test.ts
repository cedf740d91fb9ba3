import { describe, expect, it } from 'vitest';
import { BootEnvironment } from '../../../host/slots/boot-environment.ts';
import { BoardWorld } from '../../fault/slots/board-world.ts';

describe('the slots of a board', () => {
  it('are not started before somebody has read them back', () => {
    const world = BoardWorld.fromFactory();
    const slots = world.slotsOf('a');
    expect(slots).toMatchObject({ running: 'a', idle: 'b' });
    slots.openIdle().close();
    expect(() => slots.beginTrial()).toThrow(/slot b is not complete/);
    slots.markIdleComplete();
    slots.beginTrial();
    expect(world.start()).toEqual({ chosen: 'b', how: 'trial' });
  });

  it('keep what is needed while a version is on trial', () => {
    const world = BoardWorld.fromFactory();
    world.versionUp('a', 2);
    world.start();
    expect(() => world.slotsOf('b').openIdle()).toThrow(/slot b is on trial itself/);
    world.confirm('b');
    world.slotsOf('b').openIdle();
    for (let starts = 0; starts < 12; starts++) expect(world.start().chosen).toBe('b');
  });

  it('end a trial when the slot is written anew', () => {
    const world = BoardWorld.fromFactory();
    world.versionUp('a', 2);
    world.slotsOf('a').openIdle();
    expect(world.start()).toEqual({ chosen: 'a', how: 'active' });
  });
});

describe('the boot environment', () => {
  it('is mended, and says what of it', () => {
    const world = BoardWorld.fromFactory();
    world.versionUp('a', 2);
    world.start();
    for (const sector of [0, 3, 7, 23]) world.boot.flip(sector, 8 * 3);
    world.boot.unreadable.add(9);
    const environment = new BootEnvironment(world.boot);
    expect(environment.starts('trial')).toBe(3);
    world.boot.unreadable.clear();
    expect(environment.starts('trial')).toBe(2);
    expect(environment.mend('b')).toEqual(['what is before choice-1', 'choice-2', 'trial-2', 'turn']);
    expect(environment.mend('b')).toEqual([]);
    expect(environment.choice).toMatchObject({ active: 'a', trial: 'b' });
  });

  it('of which neither choice can be read is that of the slot that runs', () => {
    const world = BoardWorld.fromFactory();
    for (const sector of [1, 3]) world.boot.flip(sector, 8);
    expect(world.start()).toEqual({ chosen: 'a', how: 'damaged' });
    new BootEnvironment(world.boot).mend('b');
    expect(world.start()).toEqual({ chosen: 'b', how: 'active' });
  });

  it('refuses a partition that has no room for it', () => {
    expect(() => new BootEnvironment(BoardWorld.fromFactory().slots.a)).toThrow(
      /expected 24 sectors of 4096 octets, found 3 of 4096/,
    );
  });
});
