/** Quantities as people read them in tables; `--json` always has the plain numbers. */

/** A count or an octet count as the engine has it, or as JSON carries it: bigints travel as decimal strings. */
export type Count = number | bigint | string;

/** `0x00c0ffee`: always eight digits, so that columns of SPIs line up. */
export function formatSpi(spi: number | null): string {
  return spi === null ? '-' : `0x${spi.toString(16).padStart(8, '0')}`;
}

/** Grouped by thousands: `1 234 567`. */
export function formatCount(count: Count): string {
  return BigInt(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** Octets in binary units with three digits that matter: `640 B`, `64.0 MiB`. */
export function formatOctets(octets: Count): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let value = Number(octets);
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** A duration with its two largest units: `58 s`, `7 min 12 s`, `3 h 5 min`, `12 d 4 h`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}
