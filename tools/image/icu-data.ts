/**
 * Takes the languages of the world out of Node's binary: 33 MB of ICU's data, of which a router uses next to nothing. What
 * is not kept is overwritten with zeros, so that it costs nothing in a compressed slot and is never read into memory.
 *
 * The data is a "common" package (ICU User Guide, "ICU Data"): a header with the magic 0xda 0x27 and the format `CmnD`, a table
 * of contents with an offset of name and data for each item, then the items.
 */
import { HostError } from '../../host/model/host-error.ts';

const magic = Buffer.from([0xda, 0x27]);
const format = Buffer.from('CmnD');
/** Of the header: its length stands first, the format eight octets behind the magic's end. */
const magicAt = 2;
const formatAt = 12;

/**
 * What the parts of Node that the image uses read: the root of each tree of languages, English, names of zones and
 * converters, properties and normal forms of characters, the rules for names in domains. Not the rules from one script into another, nor
 * the names of characters: JavaScript asks for neither.
 */
const kept =
  /^icudt\d+l\/(?!translit\/|unames\.icu$)(?:(?:[a-z]+\/)?(?:root|en|en_US|res_index|pool|supplementalData|likelySubtags|keyTypeData|timezoneTypes|metaZones|windowsZones|zoneinfo64|numberingSystems|icuver|icustd|genderList|plurals|dayPeriods|currencyNumericCodes|metadata|units|grammaticalFeatures|pluralRanges)\.res|.*\.(?:nrm|icu|spp))$/;

/** Overwrites in place; returns the octets freed. Throws HostError PLATFORM when the binary has no such data. */
export function clearUnusedIcuData(binary: Buffer): number {
  const start = findPackage(binary);
  const table = start + binary.readUInt16LE(start);
  const count = binary.readUInt32LE(table);
  const items = Array.from({ length: count }, (_, index) => {
    const at = table + 4 + index * 8;
    const name = table + binary.readUInt32LE(at);
    return {
      name: binary.toString('latin1', name, binary.indexOf(0, name)),
      offset: table + binary.readUInt32LE(at + 4),
    };
  });
  let freed = 0;
  for (const [index, { name, offset }] of items.entries()) {
    // The last item has no end in the table: it stays.
    const end = items[index + 1]?.offset;
    if (end === undefined || kept.test(name)) continue;
    binary.fill(0, offset, end);
    freed += end - offset;
  }
  return freed;
}

function findPackage(binary: Buffer): number {
  for (let at = binary.indexOf(magic); at >= 0; at = binary.indexOf(magic, at + 1)) {
    const start = at - magicAt;
    if (format.equals(binary.subarray(start + formatAt, start + formatAt + format.length))) return start;
  }
  throw new HostError('PLATFORM', "Node's binary has no ICU data of the expected form");
}
