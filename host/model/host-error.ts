/**
 * Errors of configuration, of the machine that we run on, or of the programmer. They are thrown and end up as one line
 * on a person's screen: `message` says what was expected, what was found and what to do; `code` is listed in
 * docs/errors.md and never reused.
 */
export const hostErrorCodes = [
  'CONFIG_INVALID',
  'CREDENTIAL_UNREADABLE',
  'CREDENTIAL_EXPOSED',
  'FIRMWARE_MISSING',
  'FIRMWARE_SELF_TEST',
  'CAPACITY',
  'STORE',
  'FLASH',
  'PLATFORM',
  'CONTROL_UNREACHABLE',
  'USAGE',
] as const;

export type HostErrorCode = (typeof hostErrorCodes)[number];

export class HostError extends Error {
  readonly code: HostErrorCode;

  constructor(code: HostErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HostError';
    this.code = code;
  }
}
