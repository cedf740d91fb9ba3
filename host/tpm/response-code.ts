/** What a TPM says when it refuses (TPM 2.0 Library, Part 2, section 6.6, TPM_RC). */

/** Those that can be met here, without the place in the command that some of them come with. */
export const responseCodes = {
  initialize: 0x100,
  failure: 0x101,
  lockout: 0x921,
  retry: 0x922,
  objectMemory: 0x902,
  hierarchy: 0x085,
  authFail: 0x08e,
  integrity: 0x09f,
  badAuth: 0x0a2,
} as const;

const meanings: ReadonlyMap<number, string> = new Map([
  [responseCodes.initialize, 'nobody has started it up'],
  [responseCodes.failure, 'it is in failure mode, until the board is switched off'],
  [responseCodes.lockout, 'it is locked after too many wrong passwords'],
  [responseCodes.retry, 'it was busy'],
  [responseCodes.objectMemory, 'it has no room for another key: something else has left keys in it'],
  [responseCodes.hierarchy, 'its owner hierarchy is switched off'],
  [responseCodes.authFail, 'its owner hierarchy has a password'],
  [responseCodes.integrity, 'this is no object of its own'],
  [responseCodes.badAuth, 'its owner hierarchy has a password'],
]);

/** The code without the number of the handle, session or parameter that it is about. */
export function plainCode(code: number): number {
  const hasPlace = (code & 0x80) !== 0;
  return hasPlace ? code & 0x0bf : code;
}

/** For a person: the number, and what it means where that is known. */
export function describeCode(code: number): string {
  const meaning = meanings.get(plainCode(code));
  const number = `0x${code.toString(16).padStart(3, '0')}`;
  return meaning === undefined ? `response code ${number}` : `${meaning} (response code ${number})`;
}
