/** A file as GRUB's load_env and save_env take it: a first line, `name=value` lines, filled up with `#`. */

const firstLine = '# GRUB Environment Block\n';

/** A block of `octets` with these variables, in this order. Names and values are ours: no line feed, no backslash. */
export function encodeEnvironment(variables: Readonly<Record<string, string>>, octets: number): Uint8Array {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  return new TextEncoder().encode((firstLine + lines.join('')).padEnd(octets, '#'));
}

/** What GRUB would read of it; undefined where it would refuse it. Of a variable that is there twice, the last. */
export function decodeEnvironment(block: Uint8Array): ReadonlyMap<string, string> | undefined {
  // Octet by octet: what is no text is no reason to read less than GRUB does.
  const text = new TextDecoder('latin1').decode(block);
  if (!text.startsWith(firstLine)) return undefined;
  const variables = new Map<string, string>();
  for (const line of text.slice(firstLine.length).split('\n')) {
    const at = line.indexOf('=');
    if (!line.startsWith('#') && at > 0) variables.set(line.slice(0, at), line.slice(at + 1));
  }
  return variables;
}
