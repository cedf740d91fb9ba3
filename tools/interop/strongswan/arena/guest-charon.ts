/**
 * strongSwan in a guest with Debian's kernel, whose ESP it uses: a router between its namespace, where the programs with its inner
 * address are, and our end. `swanctl` runs outside and reaches it over the same wire.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../../../../host/model/host-error.ts';
import { lastLines, repository } from '../../../lab/processes.ts';
import { Guest, pc } from '../../../qemu-runner/guest.ts';
import { firstFileSystem } from '../../linux-kernel/first-file-system.ts';
import { GuestShell } from '../../linux-kernel/guest-shell.ts';
import { fetchKernel, type Kernel } from '../../linux-kernel/kernel-package.ts';
import type { Section } from '../matrix/combination.ts';
import { type Arena, guestPort } from './arena.ts';
import { Charon, type CharonProcess, charonCommand, type Reach, writeSettings } from './charon.ts';
import { charonPlugins, strongswanConf } from './settings-text.ts';

/** A machine without hardware virtualization and busy with other things may take minutes. */
const bootWithinMs = 240_000;
const startWithinMs = 60_000;
const pollMs = 250;
const viciPort = 4502;
const settingsFile = '/tmp/strongswan.conf';

/** What charon writes, as the guest sees it: the second port of QEMU's serial bus, which ends in a file. */
const logPort = '/dev/vport0p2';

export interface GuestCharonOptions {
  readonly arena: Arena;
  /** Absolute; gets the settings, the guest's sockets and, as charon.log and console.log, the logs. */
  readonly folder: string;
  /** swanctl.conf. */
  readonly connections: string;
  readonly charon: Section;
  /** Of strongSwan's end of the channel and of ours. */
  readonly innerAddresses: { readonly own: string; readonly other: string };
}

export class GuestCharon extends Charon {
  readonly shell: GuestShell;

  /**
   * Boots a guest at the arena's port, starts charon there and loads its connections.
   *
   * @throws HostError PLATFORM with what the guest or charon said
   */
  static async boot(options: GuestCharonOptions): Promise<GuestCharon> {
    const { arena, folder } = options;
    const uri = (address: string) => `tcp://${address}:${viciPort}`;
    const settings = strongswanConf(uri('0.0.0.0'), 'kernel', options.charon);
    writeSettings(folder, settings, options.connections);
    const logFile = join(folder, 'charon.log');
    const guest = await startGuest(options, logFile);
    try {
      const shell = await GuestShell.of(guest, bootWithinMs);
      await configure(shell, options);
      await shell.write(settingsFile, settings);
      await shell.run(
        `mkdir -p /run /var/run; STRONGSWAN_CONF=${settingsFile} ${charonCommand} </dev/null >${logPort} 2>&1 &`,
      );
      const machine = {
        ...{ pid: guest.pid, logFile, ended: guest.ended },
        signal: (name: NodeJS.Signals) => guest.signal(name),
      };
      const reach = { uri: uri(guestPort.guest[4]), wrapper: arena.inside(arena.strongswan) };
      const charon = new GuestCharon(machine, folder, reach, shell);
      await charon.#untilItAnswers();
      await charon.load();
      return charon;
    } catch (error) {
      await guest.cutPower();
      throw error;
    }
  }

  private constructor(machine: CharonProcess, folder: string, reach: Reach, shell: GuestShell) {
    super(machine, folder, reach);
    this.shell = shell;
  }

  async #untilItAnswers(): Promise<void> {
    const deadline = performance.now() + startWithinMs;
    for (;;) {
      const { ok, text } = await this.swanctl('--stats');
      if (ok) return;
      if (performance.now() > deadline) {
        const log = lastLines(this.process.logFile, 12);
        throw new HostError('PLATFORM', `charon does not answer: ${text.trim()}; its last words:\n${log}`);
      }
      await sleep(pollMs);
    }
  }
}

/** Programs of a guest in which charon runs with `plugins`. */
export function charonPrograms(plugins: readonly string[]): string[] {
  return [
    charonCommand,
    // Named by no program: libc loads it when a thread is to end.
    '/lib/x86_64-linux-gnu/libgcc_s.so.1',
    ...plugins.map((name) => `/usr/lib/ipsec/plugins/libstrongswan-${name}.so`),
  ];
}

let stock: { readonly kernel: Kernel; readonly initialFileSystem: string } | undefined;

/** The same for every guest: what differs is written once it has booted. */
function takeFromStock(): NonNullable<typeof stock> {
  if (stock === undefined) {
    const folder = join(repository, 'build/debian');
    mkdirSync(folder, { recursive: true });
    const kernel = fetchKernel(folder);
    const initialFileSystem = join(folder, 'charon-file-system.cpio');
    const programs = charonPrograms(charonPlugins('kernel'));
    // In one step: a guest of another run may be about to boot from the same.
    const draft = `${initialFileSystem}.${process.pid}`;
    writeFileSync(draft, firstFileSystem(kernel, { modules: ['xfrm_algo'], programs, files: {} }));
    renameSync(draft, initialFileSystem);
    stock = { kernel, initialFileSystem };
  }
  return stock;
}

function startGuest({ arena, folder }: GuestCharonOptions, logFile: string): Promise<Guest> {
  const { kernel, initialFileSystem } = takeFromStock();
  const sockets = join(folder, 'guest');
  rmSync(sockets, { recursive: true, force: true }); // of one whose power was cut
  return Guest.start({
    ...{ machine: pc, memoryMebibytes: 256, kernel: kernel.image, initialFileSystem },
    macAddress: '52:54:00:53:02:01',
    consoleLog: join(folder, 'console.log'),
    cable: { kind: 'tap', interface: guestPort.tap },
    namespace: arena.namespaceOf(arena.strongswan),
    folder: sockets,
    more: [
      ...['-chardev', `file,id=charon,path=${logFile},append=on`],
      ...['-device', 'virtserialport,chardev=charon,nr=2'],
    ],
  });
}

/** The initiator's address to the one side, the namespace with its inner address to the other, and a router between them. */
async function configure(
  shell: GuestShell,
  { arena, innerAddresses: { own, other } }: GuestCharonOptions,
): Promise<void> {
  const { namespace, guest, lengths } = guestPort;
  const gateway = arena.initiatorGateway;
  await shell.run(
    'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
  );
  await shell.ip([
    'link set lo up',
    'link set eth0 up',
    `addr add ${arena.initiatorAddress}/24 dev eth0`,
    `addr add ${guest[4]}/${lengths[4]} dev eth0`,
    `addr add ${guest[6]}/${lengths[6]} dev eth0 nodad`,
    `route add default ${gateway === undefined ? 'dev eth0' : `via ${gateway}`}`,
    `route add ${own}/128 via ${namespace[6]}`,
    // Whatever is not sealed on its way out has nowhere to go.
    `route add ${other}/128 dev eth0`,
  ]);
  arena.run(arena.strongswan, 'ip', 'route', 'replace', `${other}/128`, 'via', guest[6], 'src', own);
}
