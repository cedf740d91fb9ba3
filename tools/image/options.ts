/** The command line of `npm run image`. */
import { parseArgs } from 'node:util';
import { HostError } from '../../host/model/host-error.ts';
import { boardNames } from './boards.ts';

export interface ImageOptions {
  readonly board: string;
  /** Folder that gets the image and what belongs to it. */
  readonly out: string;
  /** Base address of a Debian mirror in place of the one that this machine's apt has. */
  readonly mirror: string | undefined;
  /** Takes Debian's newest version where a pinned one is no longer on the mirror. */
  readonly allowNewer: boolean;
  /** What the image says that it is, in place of package.json's version. */
  readonly version: string | undefined;
  /** File with the public keys of whom the router takes releases from: root metadata of The Update Framework. */
  readonly releaseRoot: string | undefined;
  /** Folder with router.yaml, for one more disk that has these settings. */
  readonly settings: string | undefined;
}

export type Command = ImageOptions | 'help' | { readonly pin: true; readonly mirror: string | undefined };

/** Semantic Versioning 2.0.0, without what it has no order for (section 10). */
const versionForm = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

export const usage = `npm run image -- --board BOARD [OPTIONS]
  Builds the router's flashable disk image for a board: kernel, Node, the router in one file and its packet engine in
  a read-only slot, a second slot for version-up, a boot loader, and a partition for settings. Needs no privileges. The same
  commit and tools give the same octets.

  --board BOARD   one of: ${boardNames().join(', ')}
  --out DIR       where the image goes (default: build/image/BOARD)
  --mirror URL    a Debian mirror, in place of the one that apt uses on this machine
  --allow-newer   take Debian's newest version of a package whose pinned one is no longer on the mirror, and say so
  --version X.Y.Z what the image says that it is, to try a version-up with the same sources (default: package.json's)
  --release-root FILE  whose releases the router takes: root.json of the publisher; without it, none
  --settings DIR  also write configured.img, the disk with the settings of DIR/router.yaml and the keys that it names
  --help          print this

npm run image -- --pin [--mirror URL]
  Writes tools/image/debian-packages.json anew, with the versions and SHA-256 that Debian has now.

  What is downloaded is said before, checked against its pinned hash, and kept in build/image/packages. docs/image.md tells
  what is in the image; boards/README.md how to add a board.`;

/**
 * Reads the arguments.
 *
 * @throws HostError USAGE with what is wrong
 */
export function readOptions(args: readonly string[]): Command {
  const values = parse(args);
  if (values.help) return 'help';
  if (values.pin) return { pin: true, mirror: values.mirror };
  const known = boardNames();
  const { board } = values;
  if (board === undefined || !known.includes(board)) {
    throw new HostError(
      'USAGE',
      `--board: expected one of ${known.join(', ')}, found ${board ?? 'nothing'}\n\n${usage}`,
    );
  }
  const { version } = values;
  if (version !== undefined && !versionForm.test(version)) {
    throw new HostError('USAGE', `--version: expected numbers as in 1.2.3 or 1.2.3-rc.1, found ${version}`);
  }
  return {
    board,
    out: values.out ?? `build/image/${board}`,
    mirror: values.mirror,
    allowNewer: values['allow-newer'] ?? false,
    version,
    releaseRoot: values['release-root'],
    settings: values.settings,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        board: { type: 'string' },
        out: { type: 'string' },
        mirror: { type: 'string' },
        'allow-newer': { type: 'boolean' },
        version: { type: 'string' },
        'release-root': { type: 'string' },
        settings: { type: 'string' },
        pin: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw new HostError('USAGE', `${cause instanceof Error ? cause.message : String(cause)}\n\n${usage}`, {
      cause,
    });
  }
}
