/** Settings of one version, read by another: forwards, backwards, and forwards again. */
import { describe, expect, it } from 'vitest';
import {
  type FormTable,
  readForms,
  type SettingsDocument,
  survivesRollBack,
  writeForms,
} from '../../../host/flash/form.ts';

/** Version 2 has a list of uplinks where version 1 has one; version 3 adds a note to it. */
const toTwo = {
  from: 1,
  up: ({ uplink, ...rest }: SettingsDocument, kept?: SettingsDocument): SettingsDocument => {
    const others = Array.isArray(kept?.uplinks) ? kept.uplinks.slice(1) : [];
    return { ...rest, uplinks: [uplink, ...others] };
  },
  down: ({ uplinks, ...rest }: SettingsDocument): SettingsDocument | undefined =>
    Array.isArray(uplinks) && uplinks.length > 0 ? { ...rest, uplink: uplinks[0] } : undefined,
};
const toThree = {
  from: 2,
  up: (document: SettingsDocument, kept?: SettingsDocument) => ({ ...document, note: kept?.note ?? '' }),
  down: ({ note: _, ...rest }: SettingsDocument) => rest,
};

const one: FormTable = { version: 1, migrations: [] };
const two: FormTable = { version: 2, migrations: [toTwo] };
const three: FormTable = { version: 3, migrations: [toTwo, toThree] };

function read(...[forms, table]: Parameters<typeof readForms>): SettingsDocument {
  const found = readForms(forms, table);
  if (!found.ok) throw new Error(found.message);
  return found.value;
}

describe('forms of settings', () => {
  it('are brought up to a later version, over several steps', () => {
    const old = writeForms({ name: 'tokyo', uplink: 'wan0' }, one);
    expect(read(old, two)).toEqual({ name: 'tokyo', uplinks: ['wan0'] });
    expect(read(old, three)).toEqual({ name: 'tokyo', uplinks: ['wan0'], note: '' });
  });

  it('are read by the version before after a roll-back', () => {
    const forms = writeForms({ name: 'tokyo', uplinks: ['wan0', 'wan1'] }, two);
    expect(read(forms, one)).toEqual({ name: 'tokyo', uplink: 'wan0' });
    expect(read(forms, two)).toEqual({ name: 'tokyo', uplinks: ['wan0', 'wan1'] });
    expect(survivesRollBack(forms, two)).toBe(true);
  });

  it('keep what the version before cannot say, when that one changes them', () => {
    const forms = writeForms({ name: 'tokyo', uplinks: ['wan0', 'wan1'] }, two);
    const changed = writeForms({ ...read(forms, one), uplink: 'eth0' }, one, forms);
    expect(read(changed, one)).toEqual({ name: 'tokyo', uplink: 'eth0' });
    expect(read(changed, two)).toEqual({ name: 'tokyo', uplinks: ['eth0', 'wan1'] });
    // And so they do when it changes nothing.
    const same = writeForms({ uplink: 'wan0', name: 'tokyo' }, one, forms);
    expect(read(same, two)).toEqual({ name: 'tokyo', uplinks: ['wan0', 'wan1'] });
  });

  it('carry a change upwards through every version that was there', () => {
    const forms = writeForms({ name: 'tokyo', uplinks: ['wan0', 'wan1'], note: 'fibre' }, three);
    const changed = writeForms({ ...read(forms, two), name: 'osaka' }, two, forms);
    expect(changed.map(({ version }) => version)).toEqual([3, 2, 1]);
    expect(read(changed, three)).toEqual({ name: 'osaka', uplinks: ['wan0', 'wan1'], note: 'fibre' });
    const deeper = writeForms({ ...read(changed, one), uplink: 'eth0' }, one, changed);
    expect(read(deeper, three)).toEqual({ name: 'osaka', uplinks: ['eth0', 'wan1'], note: 'fibre' });
  });

  it('say when the version before has no words for them', () => {
    const forms = writeForms({ name: 'tokyo', uplinks: [] }, two);
    expect(forms.map(({ version }) => version)).toEqual([2]);
    expect(survivesRollBack(forms, two)).toBe(false);
    expect(readForms(forms, one)).toMatchObject({
      ok: false,
      message: 'expected settings of a version from 1 to 1, found 2',
    });
  });
});
