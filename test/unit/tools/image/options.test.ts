import { describe, expect, it } from 'vitest';
import { readOptions } from '../../../../tools/image/options.ts';

const board = ['--board', 'qemu-x86_64'];

describe('the command line of npm run image', () => {
  it('names a board, and where the image goes', () => {
    expect(readOptions(board)).toMatchObject({ board: 'qemu-x86_64', out: 'build/image/qemu-x86_64' });
    expect(() => readOptions(['--board', 'toaster'])).toThrow(
      /--board: expected one of .*qemu-x86_64.*, found toaster/,
    );
  });

  it('takes another version in the form that versions have', () => {
    expect(readOptions([...board, '--version', '1.2.3'])).toMatchObject({ version: '1.2.3' });
    expect(readOptions([...board, '--version', '1.2.3-rc.1'])).toMatchObject({ version: '1.2.3-rc.1' });
    for (const version of ['1.2', '01.2.3', '1.2.3 ', 'v1.2.3', '1.2.3+build', '../1'])
      expect(() => readOptions([...board, '--version', version])).toThrow(/--version: expected numbers/);
  });

  it('names whose releases the router takes', () => {
    expect(readOptions([...board, '--release-root', 'root.json'])).toMatchObject({
      releaseRoot: 'root.json',
    });
  });
});
