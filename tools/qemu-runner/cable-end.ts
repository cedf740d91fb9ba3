/** Where the cable of a guest's Ethernet port leads, and how QEMU is told. */

export type CableEnd =
  /** To another guest or program over a Unix socket: one of both listens. No privileges. */
  | { readonly kind: 'socket'; readonly path: string; readonly listens: boolean }
  /** To a TAP interface of this machine, made by whoever starts the guest, in the guest's `namespace`. */
  | { readonly kind: 'tap'; readonly interface: string }
  | { readonly kind: 'unplugged' };

/** QEMU's arguments for the network device `cable<index>`. */
export function cableBackend(cable: CableEnd, index: number): string[] {
  const id = `id=cable${index}`;
  switch (cable.kind) {
    case 'socket': {
      const server = cable.listens ? 'on' : 'off';
      return ['-netdev', `stream,${id},server=${server},addr.type=unix,addr.path=${cable.path}`];
    }
    case 'tap':
      return ['-netdev', `tap,${id},ifname=${cable.interface},script=no,downscript=no`];
    case 'unplugged':
      // A hub with nothing else at it.
      return ['-netdev', `hubport,${id},hubid=${index}`];
  }
}
