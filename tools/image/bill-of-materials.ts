/** The image's software bill of materials in CycloneDX 1.6 (ECMA-424): every package of which something is in it. */
import type { BundledPackage } from './host-code.ts';
import { uuidOf } from './identifiers.ts';
import type { NpmPackage } from './npm-packages.ts';
import type { UnpackedPackage } from './package-pins.ts';

export interface BillOptions {
  readonly boardName: string;
  readonly version: string;
  readonly epoch: number;
  readonly debian: readonly UnpackedPackage[];
  readonly npm: readonly NpmPackage[];
  readonly bundled: readonly BundledPackage[];
}

export function billOfMaterials({ boardName, version, epoch, debian, npm, bundled }: BillOptions): string {
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(boardName, version, String(epoch), 'bill of materials').toLowerCase()}`,
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString(),
      component: { type: 'firmware', 'bom-ref': 'image', name: `sekisho-${boardName}`, version },
    },
    components: [
      ...debian.map(debianComponent),
      ...npm.map(npmComponent),
      ...bundled.map(bundledComponent),
    ].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1)),
  };
  return `${JSON.stringify(bill, null, 1)}\n`;
}

function debianComponent({ name, version, sha256, architecture }: UnpackedPackage) {
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  const type = name.startsWith('linux-image') ? 'operating-system' : 'library';
  return { type, 'bom-ref': purl, name, version, purl, hashes: [{ alg: 'SHA-256', content: sha256 }] };
}

function npmComponent({ name, version, integrity }: NpmPackage) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const content = Buffer.from(integrity.slice(integrity.indexOf('-') + 1), 'base64').toString('hex');
  return { type: 'library', 'bom-ref': purl, name, version, purl, hashes: [{ alg: 'SHA-512', content }] };
}

function bundledComponent({ name, version, license }: BundledPackage) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { type: 'library', 'bom-ref': purl, name, version, purl, licenses: [{ license: { id: license } }] };
}
