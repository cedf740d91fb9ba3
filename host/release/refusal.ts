/** Why a release did not get into the idle slot: codes, which docs/errors.md explains. */
export const upgradeRefusalCodes = [
  'ON_TRIAL',
  'UNREACHABLE',
  'BUNDLE_INVALID',
  'METADATA_INVALID',
  'METADATA_SIGNATURE',
  'METADATA_EXPIRED',
  'METADATA_ROLLBACK',
  'METADATA_MISMATCH',
  'TOO_LONG',
  'NO_RELEASE',
  'NOT_NEWER',
  'WRONG_BOARD',
  'SETTINGS_FORM',
  'NO_SPACE',
  'PAYLOAD_TRUNCATED',
  'PAYLOAD_MISMATCH',
  'SLOT_WRITE',
  'READ_BACK',
] as const;

export type UpgradeRefusalCode = (typeof upgradeRefusalCodes)[number];

/** Thrown within a version-up and caught at its top (version-up.ts), where it becomes a Result and the record of what happened. */
export class Refusal extends Error {
  readonly code: UpgradeRefusalCode;

  constructor(code: UpgradeRefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Refusal';
    this.code = code;
  }
}
