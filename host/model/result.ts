/**
 * The outcome of something that a peer, a file or a packet may get wrong: a value, or a literal code with a message.
 *
 * Mistakes of the programmer or of the operator's configuration are thrown instead (host-error.ts).
 */
export type Result<Value, Code extends string = string> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly code: Code; readonly message: string };

/** The successful outcome. */
export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

/** The failed outcome: `message` says what was expected and what was found, never key material. */
export function fail<Code extends string>(
  code: Code,
  message: string,
): { readonly ok: false; readonly code: Code; readonly message: string } {
  return { ok: false, code, message };
}
