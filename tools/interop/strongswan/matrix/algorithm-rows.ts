/**
 * Sets of algorithms such that every two of them that are of different kinds meet in at least one: a covering array of
 * strength two, built greedily and always the same.
 */

const kinds = {
  cipher: ['aes256gcm16', 'aes128gcm16', 'chacha20poly1305', 'aes256-sha256', 'aes128-sha512'],
  prf: ['prfsha256', 'prfsha384', 'prfsha512'],
  keyExchange: ['x25519', 'ecp256', 'ecp384', 'modp2048', 'modp3072', 'modp1536'],
  esp: ['aes256gcm16', 'aes128gcm16', 'chacha20poly1305', 'aes256-sha256', 'aes128-sha256'],
} as const;

type Kind = keyof typeof kinds;

const kindNames = Object.keys(kinds) as Kind[];

export type AlgorithmRow = Readonly<Record<Kind, string>>;

/** The rows; every pair of values of two kinds is in one of them. */
export function algorithmRows(): AlgorithmRow[] {
  const wanted = allPairs();
  const rows: AlgorithmRow[] = [];
  while (wanted.size > 0) {
    const news = (row: AlgorithmRow) => pairsIn(row).filter((pair) => wanted.has(pair)).length;
    const best = everyRow().reduce((one, other) => (news(other) > news(one) ? other : one));
    for (const pair of pairsIn(best)) wanted.delete(pair);
    rows.push(best);
  }
  return rows;
}

function everyRow(): AlgorithmRow[] {
  return kinds.cipher.flatMap((cipher) =>
    kinds.prf.flatMap((prf) =>
      kinds.keyExchange.flatMap((keyExchange) => kinds.esp.map((esp) => ({ cipher, prf, keyExchange, esp }))),
    ),
  );
}

/** The pairs of values that meet in a row. */
export function pairsIn(row: AlgorithmRow): string[] {
  return kindNames.flatMap((one, index) =>
    kindNames.slice(index + 1).map((other) => `${one} ${row[one]}, ${other} ${row[other]}`),
  );
}

/** All pairs that there are. */
export function allPairs(): Set<string> {
  return new Set(everyRow().flatMap(pairsIn));
}
