/** Which of two versions is newer (Semantic Versioning 2.0.0, section 11). */

const form =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Longest text that is taken for a version: it is part of paths, records and messages. */
const longest = 64;

export function isVersion(text: string): boolean {
  return text.length <= longest && form.test(text);
}

/** Negative when `a` is older than `b`, 0 where neither is newer, positive otherwise. Both must be versions. */
export function compareVersions(a: string, b: string): number {
  const [, ...ofA] = form.exec(a) ?? [];
  const [, ...ofB] = form.exec(b) ?? [];
  for (let part = 0; part < 3; part++) {
    const difference = Number(ofA[part]) - Number(ofB[part]);
    if (difference !== 0) return difference;
  }
  const [before, after] = [ofA[3], ofB[3]];
  if (before === undefined || after === undefined) {
    // A pre-release comes before its release.
    return Number(before === undefined) - Number(after === undefined);
  }
  return comparePreReleases(before.split('.'), after.split('.'));
}

function comparePreReleases(a: readonly string[], b: readonly string[]): number {
  for (const [index, ofA] of a.entries()) {
    const ofB = b[index];
    if (ofB === undefined) return 1;
    if (ofA === ofB) continue;
    const [numberA, numberB] = [/^\d+$/.test(ofA), /^\d+$/.test(ofB)];
    if (numberA && numberB) return Number(ofA) - Number(ofB);
    if (numberA !== numberB) return numberA ? -1 : 1;
    return ofA < ofB ? -1 : 1;
  }
  return a.length - b.length;
}
