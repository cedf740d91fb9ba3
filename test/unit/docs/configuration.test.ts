/** docs/configuration.md against the parsers: its examples are right files, its tables name every field with its default. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRouterFile, routerJsonSchema } from '../../../host/router/settings-file.ts';
import { explainPolicy, formatExplanation } from '../../../host/server/distribution-policies/explain.ts';
import { parsePolicyFile, serverJsonSchema } from '../../../host/server/distribution-policies/policy-file.ts';
import { PolicySet } from '../../../host/server/distribution-policies/policy-set.ts';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => whole(match[1] ?? ''));
/** What shows nothing but a policy stands for a file of two routers with it. */
function whole(text: string): string {
  if (!text.startsWith('distributionPolicies:')) return text;
  const [first = ''] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap((match) =>
    /^routers:/m.test(match[1] ?? '') ? [match[1] ?? ''] : [],
  );
  return first.replace(/^distributionPolicies:\n(?: .*\n|\n)*/m, text);
}

const routerExamples = examples.filter((text) => /^spd:/m.test(text));
const serverExamples = examples.filter((text) => /^routers:/m.test(text));

interface Schema {
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly items?: Schema | readonly Schema[];
  readonly default?: unknown;
}

interface Field {
  readonly path: string;
  readonly default: string;
}

/** Every field that a person can type, as the page writes it; objects and lists of objects show as their fields. */
function fieldsOf(schema: Schema, path = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]): Field[] => {
    const at = path === '' ? name : `${path}.${name}`;
    if (field.properties !== undefined) return fieldsOf(field, at);
    const { items } = field;
    const isList = items !== undefined && 'properties' in items && items.properties !== undefined;
    const inside = isList ? fieldsOf(items as Schema, `${at}[]`) : [];
    // `routers` and the like need no row of their own beside those of their fields.
    if (isList && field.default === undefined) return inside;
    const fallback = schema.required?.includes(name) ? 'required' : text(field.default);
    return [{ path: at, default: fallback }, ...inside];
  });
}

function text(value: unknown): string {
  if (value === undefined) return 'none';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** The rows of the tables under the headings, by field. */
function rowsUnder(...headings: string[]): Map<string, string> {
  const sections = page.split(/^## /m).filter((section) => headings.some((one) => section.startsWith(one)));
  expect(sections).toHaveLength(headings.length);
  return new Map(
    sections.flatMap((section) =>
      [...section.matchAll(/^\| `([\w.[\]]+)` \| (.*?) \| .+ \|$/gm)].map((match): [string, string] => [
        match[1] ?? '',
        match[2] ?? '',
      ]),
    ),
  );
}

/** Values that are filled in after parsing, which a JSON Schema cannot say, and lists without a row in the schema. */
const beyondSchema: Readonly<Record<string, string>> = {
  'unprotected.address': '`auto`',
  distributionPolicies: '`[]`',
  'distributionPolicies[].selectors': 'none',
  spd: 'required',
  'protected.interfaces': 'none',
};

describe('docs/configuration.md', () => {
  it('has examples of both files', () => {
    expect(routerExamples.length).toBeGreaterThanOrEqual(3);
    expect(serverExamples.length).toBeGreaterThanOrEqual(3);
    expect(routerExamples.length + serverExamples.length).toBe(examples.length);
  });

  it.each(routerExamples)("has an example that is a right router's file (%#)", (example) => {
    expect(parseRouterFile(example, 'router.yaml').spd.length).toBeGreaterThan(0);
  });

  it.each(serverExamples)("has an example that is a right server's file (%#)", (example) => {
    expect(parsePolicyFile(example, 'server.yaml').distributionPolicies.length).toBeGreaterThan(0);
  });

  it.each<[string, object, string[]]>([
    ["the server's file", serverJsonSchema(), ["The server's file", 'Distribution policies']],
    ["a router's file", routerJsonSchema(), ["A router's file"]],
  ])(
    'says of every field of %s what its default is, and of none that is not there',
    (_, schema, headings) => {
      const rows = rowsUnder(...headings);
      const fields = fieldsOf(schema as Schema); // what zod writes
      expect(fields.length).toBeGreaterThan(30);
      const expected = new Map(
        fields.map((field) => [field.path, beyondSchema[field.path] ?? field.default] as const),
      );
      for (const path of rows.keys()) {
        const known = beyondSchema[path];
        if (known !== undefined && !expected.has(path)) expected.set(path, known);
      }
      expect(Object.fromEntries([...rows].sort())).toEqual(Object.fromEntries([...expected].sort()));
    },
  );

  it('shows what `policy explain` says', () => {
    const shown = /^\$ sekisho policy explain tokyo osaka tcp 443 .*\npacket: .*\n((?:.*\n)*?)```$/m.exec(
      page,
    )?.[1];
    const settings = parsePolicyFile(
      `version: 1
routers:
  - { name: tokyo, credential: { preSharedKeyFile: a }, networks: [10.1.0.0/16] }
  - { name: osaka, credential: { preSharedKeyFile: b }, networks: [10.2.0.0/16] }
distributionPolicies:
  - { kind: telephony, between: [tokyo, osaka], selectors: [{ protocol: udp, secondPorts: 5060 }] }
  - { kind: all, between: ['*', '*'] }
`,
      'server.yaml',
    );
    const policies = settings.distributionPolicies.map((draft) => ({ ...draft, revision: 0 }));
    const [local, remote] = settings.routers.map(({ networks }) => networks[0]?.address);
    if (local === undefined || remote === undefined) throw new Error('there are two routers');
    const explanation = explainPolicy(new PolicySet(settings.routers, policies), 'tokyo', 'osaka', {
      local,
      remote,
      protocol: 6,
      localPort: 49152,
      remotePort: 443,
      icmpType: null,
      icmpCode: null,
    });
    expect(shown?.trimEnd()).toBe(formatExplanation(explanation));
  });

  it('shows what a mistake looks like', () => {
    const file = (serverExamples[0] ?? '').replace(
      "between: ['*', '*']",
      "between: ['*', '*']\n    lifetime: { seconds: 6 }",
    );
    const message = /: (expected number to be >=30, found 6)$/m.exec(page)?.[1];
    expect(() => parsePolicyFile(file, 'server.yaml')).toThrow(message ?? 'the page shows none');
  });
});
