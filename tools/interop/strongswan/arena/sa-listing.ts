/**
 * What strongSwan says of its SAs: the output of `swanctl --list-sas --raw` as values. The form is that of vici messages:
 * `name {…}` for a section, `key=value`, `key=[value value]` for a list.
 */
import { z } from 'zod';

type Value = string | string[] | { [key: string]: Value };

const count = z.string().regex(/^\d+$/).transform(Number);

const childSchema = z.object({
  uniqueid: z.string(),
  state: z.string(),
  encap: z.string().default('no'),
  'spi-in': z.string().default(''),
  'spi-out': z.string().default(''),
  'encr-alg': z.string().default(''),
  'encr-keysize': z.string().default(''),
  'integ-alg': z.string().default(''),
  'dh-group': z.string().default(''),
  esn: z.string().default('0'),
  'packets-in': count.default(0),
  'packets-out': count.default(0),
});

const ikeSaSchema = z.object({
  uniqueid: z.string(),
  state: z.string(),
  'responder-spi': z.string(),
  'local-host': z.string(),
  'remote-host': z.string(),
  'encr-alg': z.string().default(''),
  'encr-keysize': z.string().default(''),
  'integ-alg': z.string().default(''),
  'prf-alg': z.string().default(''),
  'dh-group': z.string().default(''),
  'nat-local': z.string().default('no'),
  'nat-remote': z.string().default('no'),
  ppk: z.string().default('no'),
  'child-sas': z.record(z.string(), childSchema).default({}),
});

export type StrongswanChildSa = z.output<typeof childSchema>;
export type StrongswanIkeSa = Omit<z.output<typeof ikeSaSchema>, 'child-sas'> & {
  readonly children: readonly StrongswanChildSa[];
};

/** Every IKE SA of the listing, in its order. */
export function parseSaListing(text: string): StrongswanIkeSa[] {
  return [...text.matchAll(/^list-sa event (\{.*\})\s*$/gm)].flatMap(([, body = '']) => {
    const connections = readSection(
      body
        .slice(1)
        .match(/\{|\}|\[|\]|[^\s{}[\]]+/g)
        ?.values() ?? [].values(),
    );
    return Object.values(connections).map((connection) => {
      const { 'child-sas': children, ...sa } = ikeSaSchema.parse(connection);
      return { ...sa, children: Object.values(children) };
    });
  });
}

/** Reads words up to the `}` that ends the section. */
function readSection(words: ArrayIterator<string>): { [key: string]: Value } {
  const section: { [key: string]: Value } = {};
  let name = '';
  for (
    let { value: word } = words.next();
    word !== undefined && word !== '}';
    { value: word } = words.next()
  ) {
    if (word === '{') section[name] = readSection(words);
    else if (word === '[') section[name] = readList(words);
    else if (word.includes('=')) {
      name = word.slice(0, word.indexOf('='));
      section[name] = word.slice(name.length + 1);
    } else name = word;
  }
  return section;
}

function readList(words: ArrayIterator<string>): string[] {
  const list: string[] = [];
  for (let { value: word } = words.next(); word !== undefined && word !== ']'; { value: word } = words.next())
    list.push(word);
  return list;
}
