/**
 * `upgrade`, `upgrade-report` and `upgrade-noted`: the server names a version, a router says what it runs and what became of a
 * version-up, the server has heard it. What may be installed is decided by signed metadata alone, never by these.
 */
import { releaseUrlPattern, releaseVersionPattern, versionUpStages } from '../model/version-up.ts';
import { type Field, messageId, nullable, safeInteger, text, word } from './field.ts';
import { name, sentence } from './fields-model.ts';
import type { Upgrade, UpgradeNoted, UpgradeReport } from './message.ts';
import type { MessageCodec } from './message-codec.ts';

const release = text(releaseVersionPattern, 'a version of 1 to 63 letters, digits, ".", "+" and "-"');
const url = text(releaseUrlPattern, 'at most 255 printable ASCII characters without blanks');

/** Or nothing, which travels as the empty text. */
function orNone(inner: Field<string>): Field<string> {
  return {
    write: (value) => (value === '' ? value : inner.write(value)),
    read: (wire) => (wire === '' ? wire : inner.read(wire)),
  };
}

export const upgrade: MessageCodec<Upgrade> = {
  type: 'upgrade',
  number: 17,
  sender: 'server',
  peer: 'none',
  kind: 'none',
  fields: { version: release, url: orNone(url) },
};

export const upgradeReport: MessageCodec<UpgradeReport> = {
  type: 'upgrade-report',
  number: 18,
  sender: 'router',
  peer: 'none',
  kind: 'none',
  fields: {
    board: name,
    slot: word('', 'a', 'b'),
    version: orNone(release),
    stage: word(...versionUpStages),
    reason: sentence,
    at: safeInteger(),
    orderId: nullable(messageId),
  },
};

export const upgradeNoted: MessageCodec<UpgradeNoted> = {
  type: 'upgrade-noted',
  number: 19,
  sender: 'server',
  peer: 'none',
  kind: 'none',
  fields: {},
};
