/** QEMU's PC, with the devices that a virtual machine does best: the reference board, and the one that tests boot. */
import type { Board } from '../board.ts';

export const board: Board = {
  description: "QEMU's q35 machine with virtio devices",
  architecture: 'x86_64',
  kernel: 'linux-image-amd64',
  modules: {
    disk: ['virtio_pci', 'virtio_blk'],
    devices: ['virtio_net', 'virtio_rng'],
  },
  console: 'ttyS0,115200',
  ports: [
    { side: 'unprotected', at: '0000:00:02.0' },
    { side: 'protected', at: '0000:00:03.0' },
  ],
  slotMebibytes: 64,
  configMebibytes: 16,
  watchdog: { modules: ['i6300esb'], timeoutSeconds: 30 },
  keyStore: { kind: 'tpm2', modules: ['tpm_crb'] },
  qemu: {
    program: 'qemu-system-x86_64',
    machine: 'q35',
    // `max` has the vector instructions that WebAssembly's SIMD needs; QEMU's default processor has not.
    cpu: 'max',
    disk: ['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    networkDevice: 'virtio-net-pci',
    devices: ['-device', 'virtio-rng-pci', '-device', 'i6300esb'],
    tpm: ['-device', 'tpm-crb,tpmdev=tpm'],
    firmware: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  },
};
