/** Settings on their way to the config flash and back: no secret in them, and one field changed at a time. */
import { describe, expect, it } from 'vitest';
import type { CredentialFiles } from '../../../host/flash/credential-files.ts';
import { HostError } from '../../../host/model/host-error.ts';
import {
  fingerprint,
  flashName,
  routerSettings,
  settingsForFlash,
  settingsText,
} from '../../../host/router/flash-document.ts';
import { withField } from '../../../host/router/flash-edit.ts';

const key = 'a key that nobody sees';
const text = (credential: string, rest = '') => `version: 1
name: tokyo # preSharedKey: an old key, commented out
credential: { ${credential} }
server: { address: 203.0.113.1 }
unprotected: { interface: wan0 }
${rest}spd:
  - { name: to-osaka, selector: { local: 10.1.0.0/16, remote: 10.2.0.0/16 }, action: PROTECT, requestPeer: osaka }
`;
const files: Record<string, string> = {
  '/etc/tokyo.psk': `${key}\n`,
  '/etc/tokyo.crt': 'a certificate',
  '/etc/tokyo.key': 'a private key',
  '/etc/ca.crt': 'an authority',
  '/etc/ca.crl': 'a list',
  '/etc/q/post-quantum': 'another key that nobody sees',
};
const read: string[] = [];
const readers = {
  secret: (path: string) => {
    read.push(`secret ${path}`);
    return new TextEncoder().encode(files[path]);
  },
  trusted: (path: string) => {
    read.push(`trusted ${path}`);
    return files[path] ?? '';
  },
};
const source = { name: 'tokyo.yaml', folder: '/etc' };

function textsOf(credentials: CredentialFiles): Record<string, string> {
  return Object.fromEntries(
    [...credentials].map(([name, octets]) => [name, new TextDecoder().decode(octets)]),
  );
}

describe('settings for the flash', () => {
  it('have the key that stood in the file beside them, and none in them', () => {
    const taken = settingsForFlash(text(`preSharedKey: ${key}`), source, readers);
    expect(textsOf(taken.credentials)).toEqual({ preSharedKey: key });
    expect(taken.document.credential).toEqual({ preSharedKeyFile: 'flash:preSharedKey' });
    const shown = settingsText(taken.document);
    expect(shown).not.toMatch(/a key|an old key/);
    expect(routerSettings(taken.document, 'flash')).toMatchObject({
      name: 'tokyo',
      spd: [{ name: 'to-osaka', requestPeer: 'osaka' }],
      credential: { preSharedKey: { kind: 'file', path: 'flash:preSharedKey' } },
    });
  });

  it('have what the file names beside them, each read by its own rule', () => {
    read.length = 0;
    const named =
      'certificateFile: tokyo.crt, privateKeyFile: tokyo.key, caFile: ca.crt, crlFile: ca.crl, ppk: { id: q1, file: q/post-quantum }';
    const taken = settingsForFlash(text(named), source, readers);
    expect(textsOf(taken.credentials)).toEqual({
      privateKey: 'a private key',
      certificate: 'a certificate',
      ca: 'an authority',
      crl: 'a list',
      ppk: 'another key that nobody sees',
    });
    expect(read.sort()).toEqual([
      'secret /etc/q/post-quantum',
      'secret /etc/tokyo.key',
      'trusted /etc/ca.crl',
      'trusted /etc/ca.crt',
      'trusted /etc/tokyo.crt',
    ]);
    expect(taken.document.credential).toMatchObject({
      ppk: { id: 'q1', file: 'flash:ppk' },
      caFile: 'flash:ca',
    });
  });

  it('go on with the credentials that are kept, by their names', () => {
    const first = settingsForFlash(text('preSharedKeyFile: tokyo.psk'), source, readers);
    const shown = settingsText({ ...first.document, name: 'kyoto' });
    const second = settingsForFlash(shown, source, readers, first.credentials);
    expect(textsOf(second.credentials)).toEqual({ preSharedKey: `${key}\n` });
    expect(() => settingsForFlash(shown, source, readers)).toThrow(/has no preSharedKey to go on with/);
  });

  it('are the same for the same content, and others for another key', () => {
    const one = settingsForFlash(text(`preSharedKey: ${key}`), source, readers);
    const same = settingsForFlash(text(`preSharedKey: ${key}`), source, readers);
    const other = settingsForFlash(text(`preSharedKey: ${key}!`), source, readers);
    expect(fingerprint(same)).toBe(fingerprint(one));
    expect(fingerprint(other)).not.toBe(fingerprint(one));
  });

  it('are refused with file, line and field, and without what the file says', () => {
    const wrong = () => settingsForFlash(text(`preSharedKey: ${key}`, 'port: 1\n'), source, readers);
    expect(wrong).toThrow(/^tokyo\.yaml:6:1: port: no such field here$/);
    const short = () => settingsForFlash(text('preSharedKey: short-key'), source, readers);
    expect(short).toThrow(/expected at least 16 characters$/);
  });

  it('name a credential of the flash wherever the settings file would be', () => {
    expect(flashName('/etc/sekisho/flash:ca')).toBe('ca');
    expect(flashName('flash:ca')).toBe('ca');
    expect(flashName('/etc/flash:x/ca.crt')).toBeUndefined();
  });
});

describe('one field', () => {
  const { document } = settingsForFlash(text(`preSharedKey: ${key}`), source, readers);

  it.each([
    ['server.address', '203.0.113.9', { server: { address: '203.0.113.9' } }],
    ['server.port', '4999', { server: { address: '203.0.113.1', port: 4999 } }],
    ['tunnel.mtu', '1300', { tunnel: { mtu: 1300 } }],
    ['spd[to-osaka].requestPeer', 'kyoto', { spd: [{ name: 'to-osaka', requestPeer: 'kyoto' }] }],
    ['spd[0].action', 'DISCARD', { spd: [{ action: 'DISCARD' }] }],
    [
      'spd[0].selector.remote',
      '[10.2.0.0/16, 10.3.0.0/16]',
      { spd: [{ selector: { remote: ['10.2.0.0/16', '10.3.0.0/16'] } }] },
    ],
    ['spd', '[]', { spd: [] }],
  ])('%s is set to %s', (path, value, expected) => {
    expect(withField(document, path, value)).toMatchObject(expected);
  });

  it('is added to a list, and removed', () => {
    const entry = '{ name: rest, selector: { local: 10.1.0.0/16, remote: 0.0.0.0/0 }, action: DISCARD }';
    const more = withField(document, 'spd[+]', entry);
    expect(more.spd).toMatchObject([{ name: 'to-osaka' }, { name: 'rest', action: 'DISCARD' }]);
    expect(withField(more, 'spd[to-osaka]', undefined).spd).toMatchObject([{ name: 'rest' }]);
    expect(withField(withField(document, 'tunnel.mtu', '1300'), 'tunnel', undefined)).toEqual(document);
    expect(document.spd).toHaveLength(1);
  });

  it.each([
    ['spd[9]', 'x', /there is no element 9/],
    ['spd[+].name', 'x', /there is no element \+/],
    ['name.first', 'x', /there is no field first/],
    ['server..port', '1', /expected a field such as/],
    ['', '1', /expected a field such as/],
    ['server.port', '{', /expected a value in YAML/],
    ['credential.preSharedKey', 'x', /not set on a command line/],
    ['credential', '{}', /not set on a command line/],
  ])('%s = %s is refused', (path, value, message) => {
    expect(() => withField(document, path, value)).toThrow(message);
    expect(() => withField(document, path, value)).toThrow(HostError);
  });

  it('cannot reach behind the document', () => {
    const changed = withField(document, '__proto__'.replaceAll('_', 'a'), '{ polluted: true }');
    expect(Object.getPrototypeOf(changed)).toBe(Object.prototype);
    expect(() => withField(document, '__proto__.polluted', 'true')).toThrow(HostError);
    expect(() => withField(document, 'constructor.prototype.polluted', 'true')).not.toThrow();
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});
