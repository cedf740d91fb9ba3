/** A guest with Debian's kernel, on a cable with us: commands go in, packets go both ways. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Guest, pc } from '../../qemu-runner/guest.ts';
import { firstFileSystem } from './first-file-system.ts';
import { GuestShell } from './guest-shell.ts';
import { fetchKernel } from './kernel-package.ts';
import { addresses } from './security-associations.ts';

const ourMac = '52:54:00:00:00:01';
const guestMac = '52:54:00:00:00:02';
const etherTypes = { 4: 0x0800, 6: 0x86dd } as const;
const ethernetHeaderOctets = 14;

/** A machine without hardware virtualization and busy with other things may take a minute. */
const bootWithinMs = 180_000;

/** setsockopt(IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP): udp(7) and linux/udp.h. */
const encapsulation = 'setsockopt-listen=17:100:i2';

export class KernelGuest {
  readonly kernel: string;
  readonly #guest: Guest;
  readonly #shell: GuestShell;
  readonly #received: Uint8Array[];

  private constructor(kernel: string, guest: Guest, shell: GuestShell, received: Uint8Array[]) {
    this.kernel = kernel;
    this.#guest = guest;
    this.#shell = shell;
    this.#received = received;
  }

  /**
   * Boots the guest; what it needs is kept in `folder`.
   *
   * @throws HostError PLATFORM with what it printed when it does not come up
   */
  static async boot(folder: string): Promise<KernelGuest> {
    const kernel = fetchKernel(folder);
    const file = join(folder, 'first-file-system.cpio');
    writeFileSync(file, firstFileSystem(kernel));
    const received: Uint8Array[] = [];
    const guest = await Guest.start({
      machine: pc,
      memoryMebibytes: 256,
      kernel: kernel.image,
      initialFileSystem: file,
      macAddress: guestMac,
      cable: { kind: 'here', onFrame: (frame) => received.push(packetIn(frame)) },
    });
    try {
      const shell = await GuestShell.of(guest, bootWithinMs);
      const booted = new KernelGuest(kernel.version, guest, shell, received);
      await booted.#configure();
      return booted;
    } catch (error) {
      await guest.cutPower();
      throw error;
    }
  }

  async #configure(): Promise<void> {
    const { ours, kernels, behindUs, behindKernel } = addresses;
    await this.run('echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad');
    await this.run('echo 0 > /proc/sys/net/ipv6/conf/lo/accept_dad');
    await this.run('echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_ra');
    // Replies to a host that asks much are held back otherwise.
    await this.run('echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; echo 0 > /proc/sys/net/ipv6/icmp/ratelimit');
    await this.ip([
      'link set lo up',
      'link set eth0 up',
      `addr add ${kernels[4]}/24 dev eth0`,
      `addr add ${kernels[6]}/64 dev eth0 nodad`,
      `addr add ${behindKernel[4]}/32 dev lo`,
      `addr add ${behindKernel[6]}/128 dev lo nodad`,
      `neigh add ${ours[4]} lladdr ${ourMac} dev eth0 nud permanent`,
      `neigh add ${ours[6]} lladdr ${ourMac} dev eth0 nud permanent`,
      `route add ${behindUs[4]}/32 via ${ours[4]} src ${behindKernel[4]}`,
      `route add ${behindUs[6]}/128 via ${ours[6]} src ${behindKernel[6]}`,
    ]);
    for (const protocol of ['UDP4-RECV', 'UDP6-RECV']) {
      const only = protocol === 'UDP6-RECV' ? ',ipv6only=1' : '';
      await this.run(
        `/sbin/socat -u ${protocol}:4500${only},${encapsulation} STDOUT </dev/null >/dev/null 2>&1 &`,
      );
    }
  }

  /** Runs one line of shell. Throws HostError PLATFORM with its output when it fails. */
  run(command: string): Promise<string> {
    return this.#shell.run(command);
  }

  /** Runs lines of `ip -batch`. Throws HostError PLATFORM with what it says when one fails. */
  ip(lines: readonly string[]): Promise<void> {
    return this.#shell.ip(lines);
  }

  /**
   * Sends IP packets and gives back those that come within `withinMs`, at most `count` of them; what `isWanted` refuses is left
   * out.
   */
  async exchange(
    packets: readonly Uint8Array[],
    isWanted: (packet: Uint8Array) => boolean,
    count: number,
    withinMs: number,
  ): Promise<Uint8Array[]> {
    this.#received.length = 0;
    this.#guest.cable?.send(packets.map(frameOf));
    const deadline = Date.now() + withinMs;
    for (;;) {
      const wanted = this.#received.filter(isWanted);
      if (wanted.length >= count || Date.now() >= deadline) return wanted;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async cutPower(): Promise<void> {
    await this.#guest.cutPower();
  }
}

function frameOf(packet: Uint8Array): Uint8Array {
  const header = Buffer.alloc(ethernetHeaderOctets);
  header.set(macOctets(guestMac));
  header.set(macOctets(ourMac), 6);
  header.writeUInt16BE((packet[0] ?? 0) >> 4 === 6 ? etherTypes[6] : etherTypes[4], 12);
  return Buffer.concat([header, packet]);
}

/** The IP packet of a frame, without what Ethernet fills short frames with. */
function packetIn(frame: Uint8Array): Uint8Array {
  const packet = Buffer.from(frame.subarray(ethernetHeaderOctets));
  if (packet.length < 20) return packet;
  const length = (packet[0] ?? 0) >> 4 === 6 ? 40 + packet.readUInt16BE(4) : packet.readUInt16BE(2);
  return packet.subarray(0, length);
}

function macOctets(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}
