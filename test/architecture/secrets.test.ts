/**
 * Keys have no way out: who may see the octets of a Secret is a short list, nobody on it writes files or logs, and no
 * option of a router or server saves keys. The lab's entry point, which may, is outside host/.
 */
import { describe, expect, it } from 'vitest';
import { importsOf, read, sourceFiles, withoutComments } from './sources.ts';

/** Files that may call `Secret.reveal()`, each with its reason. */
const revealers: Readonly<Record<string, string>> = {
  'host/model/secret.ts': 'defines it',
  'host/ike/crypto/aead.ts': 'encrypts and decrypts IKE messages',
  'host/ike/crypto/authentication.ts': 'computes AUTH from the pre-shared key',
  'host/ike/crypto/encrypt-then-mac.ts': 'encrypts and decrypts IKE messages',
  'host/ike/crypto/intermediate.ts': 'computes what AUTH says about IKE_INTERMEDIATE',
  'host/ike/crypto/key-derivation.ts': 'derives keys from keys',
  'host/dataplane/slots.ts': 'writes keys and salt into the firmware’s memory',
  'host/router/follower-protocol.ts': 'moves keys to the thread whose engine has the SA',
  'host/messages/field.ts': 'writes the keys of a distribution into its datagram',
  'host/server/key-generation.ts': 'hands each end a copy of its own',
};

/** Modules through which octets could leave the process. */
const waysOut = /^(?:node:fs|node:fs\/promises|node:child_process|node:sqlite|pino)$/;

const host = sourceFiles('host').filter((path) => path.endsWith('.ts'));

describe('key material', () => {
  it('is revealed only where it is used', () => {
    const found = host.filter((path) => /\breveal\s*\(/.test(withoutComments(read(path))));
    expect(found.filter((path) => !(path in revealers))).toEqual([]);
  });

  it('is listed without leftovers', () => {
    const idle = Object.keys(revealers).filter(
      (path) => !host.includes(path) || !/\breveal\s*\(/.test(withoutComments(read(path))),
    );
    expect(idle).toEqual([]);
  });

  it('is never revealed in a file that can write files or logs', () => {
    const found = Object.keys(revealers).flatMap((path) =>
      importsOf(path)
        .filter((one) => waysOut.test(one.specifier) && !one.typeOnly)
        .map((one) => `${path} loads ${one.specifier}`),
    );
    expect(found).toEqual([]);
    const printing = Object.keys(revealers).filter((path) => /\bconsole\./.test(withoutComments(read(path))));
    expect(printing).toEqual([]);
  });
});

describe('routers and the server', () => {
  it('have no option that saves or shows keys', () => {
    const option = /save-?keys|dump-?keys|export-?keys|show-?keys|keylog|SSLKEYLOG|esp_sa/i;
    const found = host.flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, index) => (option.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it('write nothing through console: their logger redacts, console does not', () => {
    const found = host.filter(
      (path) => !path.startsWith('host/cli/') && /\bconsole\.\w+\(/.test(withoutComments(read(path))),
    );
    expect(found).toEqual([]);
  });
});
