import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HostError } from '../../../host/model/host-error.ts';
import { parseYamlSettings } from '../../../host/model/yaml-settings.ts';

const schema = z.strictObject({
  name: z.string(),
  credential: z.strictObject(
    { preSharedKey: z.string().min(64).optional(), privateKey: z.string().min(64).optional() },
    'expected a credential',
  ),
});

/** What is said about a file. */
function mistakes(text: string): string {
  try {
    parseYamlSettings(text, 'tokyo.yaml', schema);
  } catch (error) {
    if (error instanceof HostError) return error.message;
    throw error;
  }
  return 'nothing';
}

describe('a mistake in a settings file', () => {
  it.each([
    'credential:\n  preSharedKey: |S3CRET\n',
    'credential:\n  preSharedKey: >S3CRET\n',
    'credential: { preSharedKey: abc }}S3CRET\n',
    'credential: { preSharedKey: abc }\n} S3CRET\n',
    'credential:\n  preSharedKey: abc\n ] S3CRET\n',
    'credential:\n  preSharedKey: !S3CRET abc\n',
    'credential:\n  preSharedKey: "\\S3CRET"\n',
    'credential:\n  preSharedKey: "\\US3CRETzz"\n',
    'credential:\n  preSharedKey: *S3CRET\n',
    'credential:\n  preSharedKey: @S3CRET\n',
    'credential:\n  preSharedKey: "S3CRET\n',
    'credential:\n  preSharedKey: S3CRET\n',
    'credential:\n  privateKey: S3CRET\n',
    'credential: S3CRET\n',
    'credential: [S3CRET]\n',
  ])('is named without a secret that stands there: %j', (text) => {
    const said = mistakes(`name: tokyo\n${text}`);
    expect(said).toMatch(/^tokyo\.yaml:/);
    expect(said).not.toMatch(/S3CRET|\\[SU]/);
  });

  it('shows what was found where that is no secret', () => {
    expect(mistakes('name: 5\ncredential: {}\n')).toMatch(/^tokyo\.yaml:1:7: name: .*, found 5$/);
  });

  it('says what is wrong with the YAML', () => {
    expect(mistakes('name: [a\n')).toMatch(/^tokyo\.yaml:\d+:\d+: .*must .*end with a \]/);
    expect(mistakes('name: |a\n')).toBe('tokyo.yaml:1:8: Block scalar header includes extra characters');
  });
});
