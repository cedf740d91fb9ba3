/**
 * Why a datagram of the setting protocol was dropped: each code is a counter's name and a row of docs/errors.md.
 * Retired codes are not reused.
 */
export const messageDropCodes = [
  /** Longer than `maximumMessageOctets`. */
  'MESSAGE_OVERSIZED',
  /** Ends before the item that it announces. */
  'MESSAGE_TRUNCATED',
  /** Octets follow the message. */
  'MESSAGE_TRAILING',
  /** Arrays nested deeper than `maximumNesting`. */
  'MESSAGE_NESTING',
  /** More data items than `maximumItems`. */
  'MESSAGE_ITEMS',
  /** A CBOR item that the protocol never uses: float, tag, map, negative or indefinite length. */
  'MESSAGE_FORM',
  /** Well formed, but not the one encoding that the value has. */
  'MESSAGE_NOT_CANONICAL',
  'MESSAGE_VERSION',
  'MESSAGE_TYPE',
  /** Known, but never sent in this direction. */
  'MESSAGE_DIRECTION',
  /** An array with too few or too many fields. */
  'MESSAGE_FIELD_COUNT',
  'MESSAGE_FIELD_TYPE',
  'MESSAGE_FIELD_RANGE',
  /** `source`, `peer` or `kind` is no name, or is missing or present against the rules of the message. */
  'MESSAGE_NAME',
  /** A selector that no packet could be compared with: see fields-model.ts. */
  'MESSAGE_SELECTOR',
] as const;

export type MessageDropCode = (typeof messageDropCodes)[number];
