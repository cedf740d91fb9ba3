/**
 * A PC that starts by UEFI: the small appliances with two or more Ethernet ports, an M.2 or SATA disk and a serial console
 * that are sold as firewalls. Only drivers of real hardware.
 */
import type { Board } from '../board.ts';

export const board: Board = {
  description: 'PC-class appliance with UEFI, SATA, NVMe or USB disk, Intel or Realtek Ethernet',
  architecture: 'x86_64',
  kernel: 'linux-image-amd64',
  modules: {
    disk: ['ahci', 'nvme', 'xhci_pci', 'ehci_pci', 'uas', 'usb_storage', 'sdhci_pci', 'mmc_block', 'sd_mod'],
    devices: ['e1000e', 'igb', 'igc', 'ixgbe', 'r8169'],
  },
  console: 'ttyS0,115200',
  // Appliances print "WAN" or "0" beside the first port.
  ports: [
    { side: 'unprotected', at: 0 },
    { side: 'protected', at: 1 },
  ],
  slotMebibytes: 64,
  configMebibytes: 16,
  // The ACPI table of watchdog actions where there is one, else Intel's and AMD's own; without any of them the kernel's timer.
  watchdog: { modules: ['wdat_wdt', 'iTCO_wdt', 'sp5100_tco', 'softdog'], timeoutSeconds: 30 },
  qemu: {
    program: 'qemu-system-x86_64',
    machine: 'q35',
    cpu: 'max',
    // q35's own AHCI controller, as in a PC.
    disk: ['-device', 'ide-hd,drive=disk,bus=ide.0,bootindex=1'],
    networkDevice: 'e1000e',
    // QEMU 7.2 leaves the reset pin of q35's watchdog unconnected unless told otherwise.
    devices: ['-global', 'ICH9-LPC.noreboot=false'],
    firmware: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  },
};
