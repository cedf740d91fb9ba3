/**
 * Debian's own kernel as files: fetched by apt, taken out of its package, nothing installed. The "cloud" flavour is the smallest
 * that has IPsec and the devices of QEMU. Kept in build/, so a second run fetches nothing.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HostError } from '../../../host/model/host-error.ts';
import { runCommand } from '../../lab/namespaces.ts';

/** Always the newest: whatever kernel Debian has now is the stranger to agree with. */
const metaPackage = 'linux-image-cloud-amd64';

export interface Kernel {
  /** As in /lib/modules. */
  readonly version: string;
  /** The bootable image. */
  readonly image: string;
  /** Folder with the modules and their index. */
  readonly modules: string;
}

/**
 * The kernel, in a folder of its own below `folder`.
 *
 * @throws HostError PLATFORM with what apt or dpkg says
 */
export function fetchKernel(folder: string): Kernel {
  const name = kernelPackage();
  const home = join(folder, name);
  const root = join(home, 'root');
  const version = name.replace(/^linux-image-/, '');
  const kernel = {
    version,
    image: join(root, 'boot', `vmlinuz-${version}`),
    modules: join(root, 'lib/modules', version),
  };
  if (isComplete(kernel)) return kernel;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const fetched = spawnSync('apt-get', ['download', name], { cwd: home, encoding: 'utf8' });
  const archive = readdirSync(home).find((file) => file.endsWith('.deb'));
  if (archive === undefined) {
    throw new HostError(
      'PLATFORM',
      `apt-get download ${name} failed: ${fetched.stderr ?? fetched.error?.message ?? ''}`,
    );
  }
  runCommand(['dpkg-deb', '-x', join(home, archive), root]);
  rmSync(join(home, archive));
  // Writes modules.dep, which is made on the machine otherwise; it comes last and says that all is there.
  runCommand(['busybox', 'depmod', '-b', root, version]);
  return kernel;
}

/** The package's name; a machine that never asked for Debian's lists of packages asks now. */
function kernelPackage(): string {
  const name =
    dependencyOf(metaPackage) ??
    (spawnSync('apt-get', ['update']).status === 0 ? dependencyOf(metaPackage) : undefined);
  if (name === undefined)
    throw new HostError('PLATFORM', `apt knows no kernel ${metaPackage}: run apt-get update`);
  return name;
}

function dependencyOf(name: string): string | undefined {
  const { stdout } = spawnSync('apt-cache', ['depends', name], { encoding: 'utf8' });
  return /Depends: (linux-image-\S+)/.exec(stdout ?? '')?.[1];
}

function isComplete(kernel: Kernel): boolean {
  try {
    return readFileSync(join(kernel.modules, 'modules.dep')).length > 0;
  } catch {
    return false;
  }
}
