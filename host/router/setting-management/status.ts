/** What people and tests may see of setting management: values, copied, without keys. */
import type { MessageId } from '../../messages/message.ts';
import type { Instant } from '../../model/instant.ts';
import type { SpdAction } from '../../model/policy.ts';
import type { Spi } from '../../model/security-association.ts';
import { formatSelector } from '../../model/selector.ts';
import type { SettingFailure } from './events.ts';
import type { InstalledPair } from './pairs.ts';
import type { SettingRequest } from './request.ts';
import type { SettingState } from './setting-state.ts';

export interface SettingStatus {
  readonly channel: 'up' | 'down';
  readonly entries: readonly EntryStatus[];
  readonly requests: readonly RequestStatus[];
  readonly pairs: readonly PairStatus[];
  /** Messages that changed nothing, by reason. */
  readonly ignored: Readonly<Record<string, number>>;
}

export interface EntryStatus {
  readonly name: string;
  readonly action: SpdAction;
  readonly requestPeer: string;
  readonly selectors: readonly string[];
  /** Why the last request failed; null after a success. */
  readonly failure: SettingFailure | null;
  readonly failureDetail: string;
  readonly failedAt: Instant | null;
  readonly blocked: readonly { readonly selectors: readonly string[]; readonly until: Instant }[];
}

export type RequestStatus = Pick<
  SettingRequest,
  'id' | 'entry' | 'peer' | 'kind' | 'lane' | 'spi' | 'cause' | 'phase' | 'tries' | 'startupId'
>;

export type PairStatus = Pick<
  InstalledPair,
  | 'entry'
  | 'peer'
  | 'kind'
  | 'lane'
  | 'role'
  | 'confirmed'
  | 'proposal'
  | 'revision'
  | 'installedAt'
  | 'hardAt'
> & {
  readonly id: MessageId;
  readonly inboundSpi: Spi;
  readonly outboundSpi: Spi;
  readonly selectors: readonly string[];
};

/** A copy of what is known now. */
export function statusOf(state: SettingState): SettingStatus {
  return {
    channel: state.channelIsUp ? 'up' : 'down',
    entries: state.entries.map((entry) => {
      const failed = state.failures.get(entry.name);
      return {
        name: entry.name,
        action: entry.action,
        requestPeer: entry.requestPeer ?? '',
        selectors: entry.selectors.map(formatSelector),
        failure: failed?.failure ?? null,
        failureDetail: failed?.detail ?? '',
        failedAt: failed?.at ?? null,
        blocked: state.backOff
          .of(entry.name)
          .map(({ selectors, until }) => ({ selectors: selectors.map(formatSelector), until })),
      };
    }),
    requests: state.requests
      .all()
      .map(({ id, entry, peer, kind, lane, spi, cause, phase, tries, startupId }) => ({
        id,
        entry,
        peer,
        kind,
        lane,
        spi,
        cause,
        phase,
        tries,
        startupId,
      })),
    pairs: state.pairs.all().map((pair) => ({
      id: pair.id,
      entry: pair.entry,
      peer: pair.peer,
      kind: pair.kind,
      lane: pair.lane,
      role: pair.role,
      confirmed: pair.confirmed,
      proposal: pair.proposal,
      revision: pair.revision,
      installedAt: pair.installedAt,
      hardAt: pair.hardAt,
      inboundSpi: pair.spi,
      outboundSpi: pair.outboundSpi,
      selectors: pair.selectors.map(formatSelector),
    })),
    ignored: Object.fromEntries([...state.ignored].map(([reason, { count }]) => [reason, count])),
  };
}
