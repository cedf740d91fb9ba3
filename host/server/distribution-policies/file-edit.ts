/**
 * Small edits of a server's file by a command, as a person would make them: only what changes is touched, comments and
 * layout stay. Pure text in, text out; whoever writes it checks the result with the file's own reader first.
 */
import { isMap, isPair, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml';

export interface NewRouter {
  readonly name: string;
  /** As YAML in flow style. */
  readonly credential: string;
  /** Prefixes as typed. */
  readonly networks: readonly string[];
}

/** Where a router stands in the text. */
interface Place {
  readonly map: YAMLMap;
  /** Offset behind the value of its name. */
  readonly afterName: number;
  readonly indent: string;
}

/** The text with one router more at the end of `routers`; undefined when the text has no such list. */
export function withRouter(text: string, router: NewRouter): string | undefined {
  const list = parseDocument(text).get('routers', true);
  if (!isSeq(list) || list.range == null) return undefined;
  const { name, credential, networks } = router;
  const quoted = networks.map((network) => `'${network}'`).join(', ');
  const item = `{ name: ${JSON.stringify(name)}, credential: ${credential}, networks: [${quoted}] }`;
  const last = list.items.at(-1);
  if (list.flow === true) {
    const end = list.range[1] - 1; // in front of the bracket
    const before = text.slice(0, end).trimEnd();
    return `${before}${last === undefined ? '' : ','} ${item} ${text.slice(end)}`;
  }
  if (!isMap(last) || last.range == null) return undefined;
  const dash = text.lastIndexOf('-', last.range[0]);
  const indent = ' '.repeat(dash - text.lastIndexOf('\n', dash) - 1);
  const end = text.slice(0, last.range[1]).trimEnd().length;
  return `${text.slice(0, end)}${restOfLine(text, end)}\n${indent}- ${item}${text.slice(end + restOfLine(text, end).length)}`;
}

/**
 * The text with a time set for a router's field, in place of `instead` where that stands; undefined without the router, or
 * where that does not come out.
 */
export function withTime(
  ...[text, router, field, time, instead]: Parameters<typeof timeEdited>
): string | undefined {
  const edited = timeEdited(text, router, field, time, instead);
  if (edited === undefined || parseDocument(edited).errors.length > 0) return undefined;
  const map = placeOf(edited, router)?.map;
  if (map?.get(field) !== time) return undefined;
  return instead.some((other) => other !== field && map.has(other)) ? undefined : edited;
}

function timeEdited(
  text: string,
  router: string,
  field: 'revoked' | 'certificatesSince',
  time: string,
  instead: readonly ('revoked' | 'certificatesSince')[],
): string | undefined {
  const place = placeOf(text, router);
  if (place === undefined) return undefined;
  const entry = `${field}: ${time}`;
  const olds = place.map.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key) || !isScalar(pair.value)) return [];
    const { key, value } = pair;
    const isMeant = instead.some((one) => one === key.value) || key.value === field;
    return isMeant && key.range != null && value.range != null
      ? [[key.range[0], value.range[1]] as const]
      : [];
  });
  const [old, ...others] = olds;
  if (old !== undefined) {
    // From behind, so that the places in front stay where they are.
    const cut = others.reduceRight((rest, one) => without(rest, one, place.map.flow === true), text);
    return cut.slice(0, old[0]) + entry + cut.slice(old[1]);
  }
  const { afterName, indent, map } = place;
  const added = map.flow === true ? `, ${entry}` : `${restOfLine(text, afterName)}\n${indent}${entry}`;
  const skipped = map.flow === true ? 0 : restOfLine(text, afterName).length;
  return text.slice(0, afterName) + added + text.slice(afterName + skipped);
}

/** The text without a field that is not the first of its map: with the comma in front, or with its line. */
function without(text: string, [from, to]: readonly [number, number], isFlow: boolean): string {
  const start = text.lastIndexOf(isFlow ? ',' : '\n', from);
  return text.slice(0, start) + text.slice(isFlow ? to : to + restOfLine(text, to).length);
}

/** What follows on the line of `at`: nothing, or a remark that belongs there. */
function restOfLine(text: string, at: number): string {
  const end = text.indexOf('\n', at);
  return text.slice(at, end < 0 ? undefined : end);
}

function placeOf(text: string, router: string): Place | undefined {
  const list = parseDocument(text).get('routers', true);
  if (!isSeq(list)) return undefined;
  for (const map of list.items) {
    if (!isMap(map)) continue;
    for (const pair of map.items) {
      if (!isPair(pair) || !isScalar(pair.key) || !isScalar(pair.value)) continue;
      const { key, value } = pair;
      if (key.value !== 'name' || value.value !== router || key.range == null || value.range == null)
        continue;
      const column = key.range[0] - text.lastIndexOf('\n', key.range[0]) - 1;
      return { map, afterName: value.range[1], indent: ' '.repeat(column) };
    }
  }
  return undefined;
}
