/** What happened in a seed, as a time sequence that a person can read: time, where, what. */
import type { Message } from '../../host/messages/message.ts';
import type { SettingAction } from '../../host/router/setting-management/events.ts';

export function formatLine(now: number, where: string, what: string): string {
  return `${(now / 1000).toFixed(3).padStart(10)}  ${where.padEnd(9)} ${what}`;
}

/** One line for a setting message, without keys. */
export function describeMessage(message: Message): string {
  const about = `${message.type} ${message.id.slice(0, 6)} ${message.peer} ${message.kind}`.trimEnd();
  switch (message.type) {
    case 'request':
      return `${about} SPI ${message.spi.toString(16)}${message.startupId === null ? '' : ` startup ${message.startupId.slice(0, 6)}`}${message.packet === null ? '' : ' with packet'}`;
    case 'distribution':
      return `${about} in ${message.inbound.spi.toString(16)} out ${message.outbound.spi.toString(16)} ${message.remainingSeconds} s`;
    case 'withdraw':
      return `${about} [${message.ids.map((id) => id.slice(0, 6)).join(' ')}] ${message.reason}`;
    case 'report':
      return `${about} ${message.what} SPI ${message.spi.toString(16)}`;
    case 'no-corresponding-entry':
    case 'no-response':
    case 'refused':
      return `${about} ${message.reason}`;
    default:
      return about;
  }
}

/** One line for an action of setting management; messages are traced where they leave. */
export function describeAction(action: SettingAction): string | undefined {
  switch (action.kind) {
    case 'send':
      return undefined;
    case 'change': {
      const {
        install = [],
        use = [],
        remove = [],
        reserve = [],
        release = [],
        block = [],
        spd,
      } = action.change;
      const spis = (list: readonly number[]) => list.map((spi) => spi.toString(16)).join(' ');
      const parts = [
        spd === undefined ? '' : `spd of ${spd.length}`,
        ...install.map(
          ({ pair, use: now }) =>
            `install ${pair.inbound.spi.toString(16)} ${pair.kind}${now ? ' in use' : ''}`,
        ),
        use.length === 0 ? '' : `use ${spis(use)}`,
        remove.length === 0 ? '' : `remove ${spis(remove)}`,
        reserve.length === 0 ? '' : `reserve ${spis(reserve)}`,
        release.length === 0 ? '' : `release ${spis(release)}`,
        ...block.map(({ entry, selectors }) => `block ${selectors.length} of ${entry}`),
      ];
      return `change: ${parts.filter((part) => part !== '').join(', ')}`;
    }
    case 'send-dummy':
      return `dummy through ${action.spi.toString(16)}`;
    case 'send-keepalive':
      return undefined;
    case 'release-held':
      return `release held of ${action.entry}`;
    case 'drop-held':
      return `drop held of ${action.entry}: ${action.failure}`;
    case 'log':
      return `${action.what}: ${action.detail}`;
  }
}
