/**
 * Fields of a message: how one value is checked, written and read. Both directions check the same bounds, so that what
 * is sent can always be read. A fault is thrown with the path of the field and caught once, in codec.ts; nothing here
 * ever prints a value of a secret.
 */
import { Secret } from '../model/secret.ts';
import type { WireValue } from './cbor.ts';
import type { MessageDropCode } from './drop-codes.ts';

export interface Field<Value> {
  /** @throws FieldFault when the value is outside what the protocol allows */
  readonly write: (value: Value) => WireValue;
  /** @throws FieldFault likewise; byte strings are copied, so that the datagram may be zeroed afterwards */
  readonly read: (wire: WireValue | undefined) => Value;
}

/** A field that breaks the protocol. As a mistake of the sender it is an outcome, as one of ours a RangeError. */
export class FieldFault extends RangeError {
  readonly code: MessageDropCode;
  readonly path: string[] = [];

  constructor(code: MessageDropCode, message: string) {
    super(message);
    this.code = code;
  }

  /** Where and what, in one line: `policy.replayWindow: expected …`. */
  describe(): string {
    return this.path.length === 0 ? this.message : `${this.path.join('.')}: ${this.message}`;
  }
}

/** Runs `step`, adding `name` to the path of a fault on its way out. */
export function within<Value>(name: string, step: () => Value): Value {
  try {
    return step();
  } catch (fault) {
    if (fault instanceof FieldFault) fault.path.unshift(name);
    throw fault;
  }
}

function typeFault(expected: string, found: WireValue | undefined): FieldFault {
  const kind =
    found === null
      ? 'null'
      : Array.isArray(found)
        ? 'an array'
        : found instanceof Uint8Array
          ? 'a byte string'
          : typeof found === 'object'
            ? 'an object'
            : `a ${typeof found}`;
  return new FieldFault('MESSAGE_FIELD_TYPE', `expected ${expected}, found ${kind}`);
}

/** A field whose wire form is the value itself. */
function plain<Value extends WireValue>(check: (wire: WireValue | undefined) => Value): Field<Value> {
  return { write: check, read: check };
}

/** An integer from `minimum` to `maximum`, at most 32 bits. */
export function unsigned(minimum: number, maximum: number): Field<number> {
  return plain((wire) => {
    if (typeof wire === 'bigint') {
      throw new FieldFault('MESSAGE_FIELD_RANGE', `expected ${minimum} to ${maximum}, found ${wire}`);
    }
    if (typeof wire !== 'number' || !Number.isInteger(wire)) throw typeFault('an integer', wire);
    if (wire < minimum || wire > maximum) {
      throw new FieldFault('MESSAGE_FIELD_RANGE', `expected ${minimum} to ${maximum}, found ${wire}`);
    }
    return wire;
  });
}

/** An integer of up to 64 bits, which travels in its shortest form. */
export function unsigned64(minimum: bigint, maximum: bigint): Field<bigint> {
  function check(value: bigint): bigint {
    if (value < minimum || value > maximum) {
      throw new FieldFault('MESSAGE_FIELD_RANGE', `expected ${minimum} to ${maximum}, found ${value}`);
    }
    return value;
  }
  return {
    write: (value) => (check(value) <= 0xffff_ffffn ? Number(value) : value),
    read: (wire) => {
      if (typeof wire === 'number' && Number.isInteger(wire)) return check(BigInt(wire));
      if (typeof wire !== 'bigint') throw typeFault('an integer', wire);
      return check(wire);
    },
  };
}

/** A whole number beyond 32 bits that JavaScript still holds exactly. */
export function safeInteger(): Field<number> {
  const wide = unsigned64(0n, BigInt(Number.MAX_SAFE_INTEGER));
  return {
    write: (value) => {
      if (!Number.isSafeInteger(value))
        throw new FieldFault('MESSAGE_FIELD_RANGE', 'expected a safe integer');
      return wide.write(BigInt(value));
    },
    read: (wire) => Number(wide.read(wire)),
  };
}

export const boolean: Field<boolean> = plain((wire) => {
  if (typeof wire !== 'boolean') throw typeFault('true or false', wire);
  return wire;
});

/** Text that matches `pattern` whole; `expected` says it in words. */
export function text(pattern: RegExp, expected: string): Field<string> {
  return plain((wire) => {
    if (typeof wire !== 'string') throw typeFault('text', wire);
    if (!pattern.test(wire)) throw new FieldFault('MESSAGE_FIELD_RANGE', `expected ${expected}`);
    return wire;
  });
}

/** One of `words`, as its number: its place in the list. The order is the wire format. */
export function word<const Words extends readonly string[]>(...words: Words): Field<Words[number]> {
  const place = unsigned(0, words.length - 1);
  return {
    write: (value) => place.write(words.indexOf(value)),
    read: (wire) => {
      const value = words[place.read(wire)];
      if (value === undefined) throw typeFault('a known number', wire);
      return value;
    },
  };
}

/** The word alone, for protocols that leave one choice. */
export function constant<const Word extends string>(value: Word): Field<Word> {
  const known = word(value);
  return { write: known.write, read: (wire) => known.read(wire) && value };
}

/** Null, or the inner field. */
export function nullable<Value>(inner: Field<Value>): Field<Value | null> {
  return {
    write: (value) => (value === null ? null : inner.write(value)),
    read: (wire) => (wire === null ? null : inner.read(wire)),
  };
}

/** A word of its own, or the inner field; the word travels as null. */
export function wordOr<const Word extends string, Value>(
  value: Word,
  inner: Field<Value>,
): Field<Word | Value> {
  return {
    write: (given) => (given === value ? null : inner.write(given as Value)), // not the word, hence a Value
    read: (wire) => (wire === null ? value : inner.read(wire)),
  };
}

/** Octets of one of `lengths`, copied when read. */
export function octets(...lengths: readonly number[]): Field<Uint8Array> {
  function check(wire: WireValue | undefined): Uint8Array {
    if (!(wire instanceof Uint8Array)) throw typeFault('a byte string', wire);
    if (!lengths.includes(wire.length)) {
      throw new FieldFault(
        'MESSAGE_FIELD_RANGE',
        `expected ${lengths.join(' or ')} octets, found ${wire.length}`,
      );
    }
    return wire;
  }
  return { write: check, read: (wire) => Uint8Array.from(check(wire)) };
}

/** 64 bits, as 16 lower-case hexadecimal digits. */
export const messageId: Field<string> = {
  write: (value) => {
    if (!/^[0-9a-f]{16}$/.test(value)) {
      throw new FieldFault('MESSAGE_FIELD_RANGE', 'expected an id of 16 lower-case hexadecimal digits');
    }
    return Uint8Array.from(Buffer.from(value, 'hex'));
  },
  read: (wire) => Buffer.from(eightOctets.read(wire)).toString('hex'),
};
const eightOctets = octets(8);

/** Key material of one of `lengths` octets. Reading copies it straight into a Secret that the caller owns. */
export function secret(...lengths: readonly number[]): Field<Secret> {
  const material = octets(...lengths);
  return {
    write: (value) => material.write(value.reveal()),
    read: (wire) => new Secret(material.read(wire)),
  };
}

/** Up to `maximum` items. */
export function list<Value>(inner: Field<Value>, minimum: number, maximum: number): Field<readonly Value[]> {
  function bound(length: number): void {
    if (length < minimum || length > maximum) {
      throw new FieldFault('MESSAGE_FIELD_RANGE', `expected ${minimum} to ${maximum} items, found ${length}`);
    }
  }
  return {
    write: (values) => {
      bound(values.length);
      return values.map((value, index) => within(String(index), () => inner.write(value)));
    },
    read: (wire) => {
      if (!Array.isArray(wire)) throw typeFault('an array', wire);
      bound(wire.length);
      return wire.map((item, index) => within(String(index), () => inner.read(item)));
    },
  };
}

/** The fields of a record, in the order in which they travel. */
export type Fields<Value> = { readonly [Key in keyof Value]-?: Field<Value[Key]> };

/** An array with exactly these fields. `check` looks at them together. */
export function record<Value extends object>(
  fields: Fields<Value>,
  check?: (value: Value) => void,
): Field<Value> {
  // Object.keys has no way to say that its strings are the keys of `fields`.
  const names = Object.keys(fields) as (keyof Value & string)[];
  return {
    write: (value) => {
      check?.(value);
      return names.map((name) => within(name, () => fields[name].write(value[name])));
    },
    read: (wire) => {
      const value = readFields(fields, names, wire, 0);
      check?.(value);
      return value;
    },
  };
}

/** Reads `names` from an array, of which the first `skip` items are somebody else's. */
export function readFields<Value extends object>(
  fields: Fields<Value>,
  names: readonly (keyof Value & string)[],
  wire: WireValue | undefined,
  skip: number,
): Value {
  if (!Array.isArray(wire)) throw typeFault('an array', wire);
  if (wire.length !== skip + names.length) {
    throw new FieldFault(
      'MESSAGE_FIELD_COUNT',
      `expected ${skip + names.length} fields, found ${wire.length}`,
    );
  }
  const value: Partial<Value> = {};
  try {
    names.forEach((name, index) => {
      value[name] = within(name, () => fields[name].read(wire[skip + index]));
    });
  } catch (fault) {
    wipeSecrets(value);
    throw fault;
  }
  return value as Value; // every key of Fields<Value> was read above
}

/** Zeroes every Secret among the properties of `value`, however deep. */
export function wipeSecrets(value: object): void {
  for (const property of Object.values(value)) {
    if (property instanceof Secret) property.wipe();
    else if (typeof property === 'object' && property !== null && !(property instanceof Uint8Array)) {
      wipeSecrets(property);
    }
  }
}
