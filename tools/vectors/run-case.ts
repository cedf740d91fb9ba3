/**
 * Runs one vector through a primitive of the firmware. What the primitive cannot have (a key length, a nonce length) is a
 * reason to skip, never a pass: a case that must fail passes only when the firmware itself refuses it and leaves text and
 * ICV as they were. Canaries around every field must stand afterwards.
 */
import { equal } from '../primitives/equal.ts';
import { type Field, Layout } from '../primitives/fields.ts';
import type {
  Aead,
  BlockMode,
  Hash,
  KeyedPrimitive,
  Mac,
  NonceMac,
  Primitive,
} from '../primitives/shapes.ts';
import type { AeadCase, BlockModeCase, HashCase, MacCase, NonceMacCase, VectorCase } from './vector-case.ts';

export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly expected: string; readonly found: string };

const passed: Verdict = { kind: 'passed' };
const skipped = (reason: string): Verdict => ({ kind: 'skipped', reason });
const failed = (expected: string, found: string): Verdict => ({ kind: 'failed', expected, found });

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const bits = (octets: number): string => `${octets * 8} bits`;
const listed = (octets: readonly number[]): string => octets.map((length) => length * 8).join(', ');

/** Runs a case. `primitive` is undefined where the registry has no algorithm of that name. */
export function runCase(each: VectorCase, primitive: Primitive | undefined, algorithm: string): Verdict {
  if (primitive === undefined) return skipped(`no ${algorithm} in tools/primitives/registry.ts`);
  if (each.kind === 'aead' && primitive.kind === 'aead') return runAead(each, primitive);
  if (each.kind === 'block-mode' && primitive.kind === 'block-mode') return runBlockMode(each, primitive);
  if (each.kind === 'mac' && primitive.kind === 'mac') return runMac(each, primitive);
  if (each.kind === 'nonce-mac' && primitive.kind === 'nonce-mac') return runNonceMac(each, primitive);
  if (each.kind === 'hash' && primitive.kind === 'hash') return runHash(each, primitive);
  return skipped(`${algorithm} is of kind ${primitive.kind}, the case of kind ${each.kind}`);
}

/** A reason to skip a case for its key; undefined if the primitive takes it. */
function keyObstacle(key: Uint8Array, primitive: KeyedPrimitive): string | undefined {
  const { keyOctets, name } = primitive;
  if (keyOctets === 'any' || keyOctets.includes(key.length)) return undefined;
  return `key of ${bits(key.length)}: ${name} has ${listed(keyOctets)}`;
}

/** A reason to skip a case for its nonce. */
function obstacleOfNonce(nonce: Uint8Array, { nonceOctets }: Aead | NonceMac): string | undefined {
  if (nonce.length === nonceOctets) return undefined;
  return `nonce of ${bits(nonce.length)}: ESP has ${nonceOctets * 8}`;
}

function setUp(layout: Layout, key: Uint8Array, primitive: KeyedPrimitive) {
  const context = layout.room(primitive.contextOctets);
  primitive.setup(context.address, layout.place(key).address, key.length);
  return context;
}

function runAead(each: AeadCase, aead: Aead): Verdict {
  const obstacle = keyObstacle(each.key, aead);
  if (obstacle !== undefined) return skipped(obstacle);
  const nonceObstacle = obstacleOfNonce(each.nonce, aead);
  if (nonceObstacle !== undefined) return skipped(nonceObstacle);
  const opens = aead.icvOctets.includes(each.icv.length);
  const seals = opens || (aead.icvTruncates && each.icv.length < Math.max(...aead.icvOctets));
  const icvObstacle = `ICV of ${bits(each.icv.length)}: ${aead.name} has ${listed(aead.icvOctets)}`;
  if (each.directions === 'seal' && !seals) return skipped(icvObstacle);
  if (each.directions !== 'seal' && !opens) return skipped(icvObstacle);
  if (each.directions !== 'open') {
    const verdict = sealCase(each, aead);
    if (verdict.kind !== 'passed') return verdict;
  }
  return each.directions === 'seal' ? passed : openCase(each, aead);
}

function sealCase(each: AeadCase, aead: Aead): Verdict {
  const layout = new Layout();
  const context = setUp(layout, each.key, aead);
  const nonce = layout.place(each.nonce);
  const aad = layout.place(each.aad);
  const text = layout.place(each.text ?? new Uint8Array(0));
  const icvLength = aead.icvOctets.includes(each.icv.length) ? each.icv.length : Math.max(...aead.icvOctets);
  const icv = layout.room(icvLength);
  aead.seal(
    context.address,
    nonce.address,
    aad.address,
    aad.length,
    text.address,
    text.length,
    icv.address,
    icvLength,
  );
  const found = `${hex(text.read())} ICV ${hex(icv.read().subarray(0, each.icv.length))}`;
  return compare(layout, `${hex(each.sealed)} ICV ${hex(each.icv)}`, found);
}

function openCase(each: AeadCase, aead: Aead): Verdict {
  const layout = new Layout();
  const context = setUp(layout, each.key, aead);
  const nonce = layout.place(each.nonce);
  const aad = layout.place(each.aad);
  const text = layout.place(each.sealed);
  const icv = layout.place(each.icv);
  const accepted =
    aead.open(
      context.address,
      nonce.address,
      aad.address,
      aad.length,
      text.address,
      text.length,
      icv.address,
      icv.length,
    ) !== 0;
  const refusal = `refused, text ${hex(each.sealed)} ICV ${hex(each.icv)}`;
  const opening = `opened, text ${each.text === undefined ? '' : hex(each.text)}`;
  const found = accepted
    ? `opened, text ${hex(text.read())}`
    : `refused, text ${hex(text.read())} ICV ${hex(icv.read())}`;
  const refuses = each.expectation === 'invalid' || (each.expectation === 'acceptable' && !accepted);
  return compare(layout, refuses ? refusal : opening, found);
}

function runBlockMode(each: BlockModeCase, mode: BlockMode): Verdict {
  const obstacle = keyObstacle(each.key, mode);
  if (obstacle !== undefined) return skipped(obstacle);
  if (each.iv.length !== mode.ivOctets)
    return skipped(`IV of ${bits(each.iv.length)}: ${mode.name} has ${mode.ivOctets * 8}`);
  if (each.expectation !== 'valid')
    return skipped('padding to be refused: the firmware has ESP padding (RFC 4303 section 2.4), not PKCS #5');
  const plain = each.padding === 'pkcs5' ? padded(each.text, mode.blockOctets) : each.text;
  if (plain.length % mode.blockOctets !== 0)
    return skipped(`text of ${bits(plain.length)}: ${mode.name} takes whole blocks`);
  const layout = new Layout();
  const context = setUp(layout, each.key, mode);
  const iv = layout.place(each.iv);
  const text = layout.place(plain);
  mode.encrypt(context.address, iv.address, text.address, text.length);
  const verdict = compare(layout, hex(each.encrypted), hex(text.read()));
  if (verdict.kind !== 'passed') return verdict;
  mode.decrypt(context.address, iv.address, text.address, text.length);
  return compare(layout, hex(plain), hex(text.read()));
}

/** PKCS #5: n octets of value n, at least one, up to a whole block. The firmware never pads so; the file's texts are so padded. */
function padded(text: Uint8Array, blockOctets: number): Uint8Array {
  const count = blockOctets - (text.length % blockOctets);
  return Uint8Array.from([...text, ...Array<number>(count).fill(count)]);
}

function runMac(each: MacCase, mac: Mac): Verdict {
  return compareMac(each, mac, (_, context, message, out) => {
    mac.compute(context.address, message.address, message.length, out.address);
  });
}

function runNonceMac(each: NonceMacCase, mac: NonceMac): Verdict {
  const obstacle = obstacleOfNonce(each.nonce, mac);
  if (obstacle !== undefined) return skipped(obstacle);
  return compareMac(each, mac, (layout, context, message, out) => {
    const nonce = layout.place(each.nonce);
    mac.compute(context.address, nonce.address, message.address, message.length, out.address);
  });
}

/** `compute` writes the whole MAC at `out`. */
function compareMac(
  each: MacCase | NonceMacCase,
  mac: Mac | NonceMac,
  compute: (layout: Layout, context: Field, message: Field, out: Field) => void,
): Verdict {
  const obstacle = keyObstacle(each.key, mac);
  if (obstacle !== undefined) return skipped(obstacle);
  if (each.mac.length > mac.macOctets || each.mac.length === 0)
    return skipped(`MAC of ${bits(each.mac.length)}: ${mac.name} has ${mac.macOctets * 8}`);
  const layout = new Layout();
  const context = setUp(layout, each.key, mac);
  const message = layout.place(each.message);
  const out = layout.room(mac.macOctets);
  const claimed = layout.place(each.mac);
  compute(layout, context, message, out);
  const same = equal(out.address, claimed.address, claimed.length) !== 0;
  const computed = hex(out.read().subarray(0, each.mac.length));
  if (each.expectation === 'acceptable') return compare(layout, '', '');
  if (each.expectation === 'valid') return compare(layout, hex(each.mac), same ? hex(each.mac) : computed);
  return compare(layout, 'refused', same ? `accepted ${computed}` : 'refused');
}

function runHash(each: HashCase, hash: Hash): Verdict {
  const layout = new Layout();
  const message = layout.place(each.message);
  const out = layout.room(hash.digestOctets);
  hash.digest(message.address, message.length, out.address);
  return compare(layout, hex(each.digest), hex(out.read()));
}

function compare(layout: Layout, expected: string, found: string): Verdict {
  if (expected !== found) return failed(expected, found);
  return layout.hasItsCanaries() ? passed : failed('nothing written outside the fields', 'a canary gone');
}
