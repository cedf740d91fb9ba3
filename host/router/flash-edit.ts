/**
 * One field of the settings changed from the command line: `server.port`, `spd[to-osaka].requestPeer`, `spd[+]`. The result is
 * checked by the settings' schema like any other; here is only where the field is.
 */
import { parseDocument } from 'yaml';
import type { SettingsDocument } from '../flash/form.ts';
import { HostError } from '../model/host-error.ts';

/** A field's name, or an element's place, its name, or `+` for one more. */
interface Step {
  readonly kind: 'field' | 'element';
  readonly name: string;
}

/**
 * The document with one field set, or removed.
 *
 * @param path as above; an element of a list by its place from 0, or by its `name`
 * @param value YAML; undefined removes the field
 * @throws HostError USAGE
 */
export function withField(
  document: SettingsDocument,
  path: string,
  value: string | undefined,
): SettingsDocument {
  refuseCredential(path);
  const steps = stepsOf(path);
  const changed = structuredClone(document) as Record<string, unknown>; // JSON, as the flash holds it
  change(changed, steps, value === undefined ? undefined : { value: yamlValue(value) }, path);
  return changed;
}

/** Throws HostError USAGE for a field of the credentials, before its value goes anywhere. */
export function refuseCredential(path: string): void {
  if (stepsOf(path)[0]?.name !== 'credential') return;
  throw new HostError(
    'USAGE',
    'credentials are not set on a command line, where others see them: write them by `config apply FILE`',
  );
}

function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  const pattern = /(?:^|\.)([A-Za-z][A-Za-z0-9]*)|\[([^[\]]+)\]/y;
  while (pattern.lastIndex < path.length) {
    const found = pattern.exec(path);
    if (found === null) {
      throw new HostError(
        'USAGE',
        `expected a field such as server.port or spd[to-osaka].requestPeer, found ${path}`,
      );
    }
    const [, field, element] = found;
    steps.push(
      field === undefined ? { kind: 'element', name: element ?? '' } : { kind: 'field', name: field },
    );
  }
  if (steps.length === 0) throw new HostError('USAGE', 'expected a field such as server.port');
  return steps;
}

function yamlValue(text: string): unknown {
  const parsed = parseDocument(text, { version: '1.2', prettyErrors: false });
  if (parsed.errors.length > 0)
    throw new HostError('USAGE', 'expected a value in YAML; quote it for the shell');
  return parsed.toJS({ maxAliasCount: 0 });
}

function change(
  within: unknown,
  steps: readonly Step[],
  edit: { readonly value: unknown } | undefined,
  path: string,
): void {
  const [step, ...rest] = steps;
  if (step === undefined) return;
  const place = placeOf(within, step, rest.length === 0 && edit !== undefined, path);
  if (rest.length > 0) {
    // A field of settings that has its default so far.
    if (place.read() === undefined && edit !== undefined) place.write({});
    change(place.read(), rest, edit, path);
  } else if (edit === undefined) place.remove();
  else place.write(edit.value);
}

interface Place {
  readonly read: () => unknown;
  readonly write: (value: unknown) => void;
  readonly remove: () => void;
}

function placeOf(within: unknown, step: Step, mayAdd: boolean, path: string): Place {
  if (step.kind === 'field' && typeof within === 'object' && within !== null && !Array.isArray(within)) {
    return {
      read: () => (Object.hasOwn(within, step.name) ? Reflect.get(within, step.name) : undefined),
      write: (value) => {
        Object.defineProperty(within, step.name, {
          value,
          writable: true,
          enumerable: true,
          configurable: true,
        });
      },
      remove: () => {
        Reflect.deleteProperty(within, step.name);
      },
    };
  }
  if (step.kind === 'element' && Array.isArray(within)) {
    const index = indexIn(within, step.name, mayAdd);
    if (index !== undefined) {
      return {
        read: () => within[index],
        write: (value) => {
          within[index] = value;
        },
        remove: () => {
          within.splice(index, 1);
        },
      };
    }
  }
  const what = step.kind === 'field' ? `no field ${step.name}` : `no element ${step.name}`;
  throw new HostError('USAGE', `${path}: there is ${what} at this place`);
}

function indexIn(list: readonly unknown[], name: string, mayAdd: boolean): number | undefined {
  if (name === '+') return mayAdd ? list.length : undefined;
  const named = list.findIndex(
    (one) => typeof one === 'object' && one !== null && Reflect.get(one, 'name') === name,
  );
  if (named >= 0) return named;
  return /^\d+$/.test(name) && Number(name) < list.length ? Number(name) : undefined;
}
