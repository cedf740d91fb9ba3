/** QEMU's machine for 64-bit Arm: the pattern for Arm boards that start by UEFI. */
import type { Board } from '../board.ts';

export const board: Board = {
  description: "QEMU's virt machine, Arm Cortex-A72, with virtio devices",
  architecture: 'aarch64',
  kernel: 'linux-image-arm64',
  modules: {
    disk: ['virtio_pci', 'virtio_blk'],
    devices: ['virtio_net', 'virtio_rng'],
  },
  console: 'ttyAMA0,115200',
  ports: [
    { side: 'unprotected', at: '0000:00:02.0' },
    { side: 'protected', at: '0000:00:03.0' },
  ],
  slotMebibytes: 64,
  configMebibytes: 16,
  watchdog: { modules: ['i6300esb'], timeoutSeconds: 30 },
  qemu: {
    program: 'qemu-system-aarch64',
    machine: 'virt',
    cpu: 'cortex-a72',
    disk: ['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    networkDevice: 'virtio-net-pci',
    devices: ['-device', 'virtio-rng-pci', '-device', 'i6300esb'],
    firmware: { code: '/usr/share/AAVMF/AAVMF_CODE.fd', variables: '/usr/share/AAVMF/AAVMF_VARS.fd' },
  },
};
