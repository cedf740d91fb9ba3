/**
 * Makes a fresh checkout ready: npm packages (with them the pinned Node), Debian packages, the firmware. Runs before
 * `npm run lab`, `npm run interop`, `npm run image`, `npm test` and others (as npm's `prelab` and so on), costs a tenth of a second
 * when there is nothing to do, and says what it installs and why. Plain JavaScript without dependencies: it is run by whatever Node 20 or later is there.
 *
 * Nothing is installed without the right to: whoever is not root gets the command to run. All but `test` then stop; `test`
 * goes on, and the tests that miss something say so.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const pinnedNode = join(root, 'node_modules/.bin/node');

/** Debian's package for each command, and what it is for. */
const labCommands = [
  ['ip', 'iproute2', 'network namespaces, links and routes'],
  ['nft', 'nftables', 'the fail-closed table, NAT and loss'],
  ['tcpdump', 'tcpdump', 'the capture between the routers'],
  ['ping', 'iputils-ping', 'the first packet'],
  ['ethtool', 'ethtool', 'real packets on virtual links'],
  ['nsenter', 'util-linux', 'programs in a namespace'],
  ['setpriv', 'util-linux', 'processes that end with the lab'],
];
const interopCommands = [
  ...labCommands,
  ['swanctl', 'strongswan-swanctl', 'commands for strongSwan'],
  ['openssl', 'openssl', 'certificates by a third party'],
  ['qemu-system-x86_64', 'qemu-system-x86', "a guest with Debian's kernel, a stranger who speaks ESP and AH"],
  ['busybox', 'busybox-static', "the guest's commands"],
  ['socat', 'socat', "the guest's UDP socket for ESP"],
];
const imageCommands = [
  ['mksquashfs', 'squashfs-tools', "a slot's file system"],
  ['mcopy', 'mtools', "the boot loader's partition"],
  ['sgdisk', 'gdisk', 'the partition table'],
  ['grub-mkimage', 'grub-common', 'the boot loader'],
  ['busybox', 'busybox-static', 'which module of the kernel needs which'],
];
/** For boards with an Arm processor alone. */
const armNodeCommand = ['qemu-aarch64', 'qemu-user', "Arm's Node, to make V8's code cache"];
const qemuCommands = [
  ...imageCommands,
  ['grub-emu', 'grub-emu', "the boot loader's script, run as a program"],
  ['qemu-img', 'qemu-utils', 'disks of boards in QEMU'],
  ['qemu-system-x86_64', 'qemu-system-x86', 'boards with an x86 processor'],
  ['swtpm', 'swtpm', "boards' TPM, as a program"],
];
const qemuLongCommands = [
  ...qemuCommands,
  armNodeCommand,
  ['qemu-system-aarch64', 'qemu-system-arm', 'boards with an Arm processor'],
];
const labQemuCommands = [...labCommands, ...qemuCommands];
const labQemuArmCommands = [...labCommands, ...qemuLongCommands];
const benchPathCommands = [
  ...interopCommands,
  ['iperf3', 'iperf3', 'traffic from host to host'],
  ['wireguard-go', 'wireguard-go', 'a stranger to be measured beside'],
  ['wg', 'wireguard-tools', "wireguard-go's settings"],
  ['openvpn', 'openvpn', 'a stranger to be measured beside'],
];
const testCommands = [
  ...interopCommands,
  ...qemuCommands,
  ['tshark', 'tshark', 'an independent witness for ESP and IKE'],
  ['ike-scan', 'ike-scan', "a stranger's questions to the setting server"],
  ['python3', 'python3', 'Scapy'],
  ['tpm2_unseal', 'tpm2-tools', 'an independent witness for what a TPM seals'],
];

const commandsFor = {
  lab: labCommands,
  'lab-qemu': labQemuCommands,
  'lab-qemu-arm': labQemuArmCommands,
  interop: interopCommands,
  'bench-path': benchPathCommands,
  test: testCommands,
  image: [...imageCommands, armNodeCommand],
  qemu: qemuLongCommands,
};

/** Debian's package for each file of strongSwan that is no command in PATH. */
const strongswanFiles = [
  ['/usr/lib/ipsec/charon', 'strongswan-charon', 'a stranger who speaks IKEv2'],
  [
    '/usr/lib/ipsec/plugins/libstrongswan-openssl.so',
    'libstrongswan-standard-plugins',
    "strongSwan's ciphers",
  ],
  [
    '/usr/lib/ipsec/plugins/libstrongswan-curve25519.so',
    'libstrongswan-extra-plugins',
    "strongSwan's X25519 and Ed25519",
  ],
  [
    '/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so',
    'libcharon-extra-plugins',
    "strongSwan's own ESP",
  ],
];

/** UEFI for virtual machines. */
const pcFirmwareFile = ['/usr/share/OVMF/OVMF_CODE_4M.fd', 'ovmf', "a PC's firmware"];
const firmwareFiles = [
  pcFirmwareFile,
  ['/usr/share/AAVMF/AAVMF_CODE.fd', 'qemu-efi-aarch64', "an Arm board's firmware"],
];

/** Files that are no commands in PATH, and the packages that have them. */
const filesFor = {
  interop: strongswanFiles,
  'bench-path': strongswanFiles,
  test: strongswanFiles,
  qemu: firmwareFiles,
  // `lab -- --qemu` starts guests by their firmware for version-ups.
  'lab-qemu': [pcFirmwareFile],
  'lab-qemu-arm': firmwareFiles,
};

/** Debian keeps administrators' commands where an ordinary user's PATH does not look. */
const searchPath = [
  ...new Set([...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin']),
];

function say(line) {
  console.error(`set-up: ${line}`);
}

function stop(line) {
  say(line);
  process.exit(1);
}

function hasCommand(command) {
  return searchPath.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function run(command, args, environment = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    // What others print goes to stderr: `--json -` and pipes get the tool's own output alone.
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PATH: searchPath.join(delimiter), ...environment },
  });
  return result.status === 0;
}

/** Why `npm ci` is needed; undefined when node_modules holds exactly what the lockfile says. */
function reasonForPackages() {
  const installedFile = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return 'node_modules is missing';
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue;
    const found = installed[path];
    if (found === undefined && (entry.optional || entry.devOptional || entry.peer)) continue;
    if (found?.version !== entry.version) {
      return `${path.slice('node_modules/'.length)} is ${found?.version ?? 'missing'}, the lockfile wants ${entry.version}`;
    }
  }
  return existsSync(pinnedNode) ? undefined : 'the pinned Node is missing';
}

function installPackages() {
  const reason = reasonForPackages();
  if (reason === undefined) return;
  say(`installing npm packages with the pinned Node (npm ci): ${reason}`);
  const npm = process.env.npm_execpath;
  const command = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const args = [...command.slice(1), 'ci', '--include=dev', '--include=optional', '--no-fund', '--no-audit'];
  if (!run(command[0], args)) stop('npm ci failed; its message is above');
  if (!existsSync(pinnedNode)) {
    stop(
      `no Node 24 for ${process.platform} on ${process.arch} among the npm packages; expected Linux on x64 or arm64`,
    );
  }
}

function missingDebianPackages(purpose) {
  const missing = commandsFor[purpose].filter(([command]) => !hasCommand(command));
  missing.push(...(filesFor[purpose] ?? []).filter(([file]) => !existsSync(file)));
  if (purpose === 'test' && !hasScapy())
    missing.push(
      ['scapy', 'python3-scapy', 'an independent witness for ESP'],
      ['cryptography', 'python3-cryptography', "Scapy's ciphers"],
    );
  if (purpose === 'test' && !existsSync('/usr/lib/python3/dist-packages/securesystemslib'))
    missing.push(['securesystemslib', 'python3-securesystemslib', 'an independent witness for releases']);
  if (purpose === 'test' && !existsSync('/usr/lib/python3/dist-packages/nacl'))
    missing.push(['nacl', 'python3-nacl', "that witness's Ed25519"]);
  if (purpose === 'test' && !existsSync('/usr/lib/python3/dist-packages/cryptography_vectors'))
    missing.push(['cryptography_vectors', 'python3-cryptography-vectors', "NIST's answers for the ciphers"]);
  return missing;
}

/**
 * Scapy, and the package without which it has no ESP. Debian's packages serve Debian's Python, whatever other `python3`
 * comes first in PATH.
 */
function hasScapy() {
  const found =
    'import importlib.util as u, sys; sys.exit(None in (u.find_spec("scapy"), u.find_spec("cryptography")))';
  return spawnSync('/usr/bin/python3', ['-c', found], { stdio: 'ignore' }).status === 0;
}

async function installDebianPackages(purpose) {
  const missing = missingDebianPackages(purpose);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
  for (const [command, name, why] of missing)
    say(`${command} is missing (Debian package ${name}): needed for ${why}`);
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  const permitted = process.getuid?.() === 0 && hasCommand('apt-get');
  if (permitted) {
    say(`installing ${packages.join(', ')} (apt-get ${install.join(' ')})`);
    const done = packages.includes('strongswan-charon')
      ? await withoutServices(() => aptGet(install))
      : aptGet(install);
    if (!done) say('apt-get failed; its message is above');
  } else {
    say(`not installed: this user may not. Run: sudo apt-get ${install.join(' ')}`);
  }
  if (missingDebianPackages(purpose).length > 0 && purpose !== 'test')
    stop(`npm run ${purpose} cannot run without them`);
}

function aptGet(install) {
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  return (
    run('apt-get', install, quiet) || (run('apt-get', ['update'], quiet) && run('apt-get', install, quiet))
  );
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/**
 * Runs an installation of strongSwan after which no service of it runs, now or after a start of the machine: it would
 * answer IKE for the whole machine. Debian asks /usr/sbin/policy-rc.d before it starts one; an existing file stays, ours
 * goes, also when the installation is interrupted, which ends this process.
 */
async function withoutServices(install) {
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  let interruptedBy;
  const note = (signal) => {
    interruptedBy ??= signal;
  };
  for (const signal of Object.keys(signalNumbers)) process.on(signal, note);
  let done = false;
  try {
    if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    done = install();
  } finally {
    if (isOurs) rmSync(policy, { force: true });
    const hasSystemd = existsSync('/run/systemd/system');
    if (hasSystemd && existsSync('/usr/lib/ipsec/charon'))
      run('systemctl', ['disable', 'strongswan-starter']);
  }
  // A signal that came while apt was waited for is told now.
  await new Promise(setImmediate);
  for (const signal of Object.keys(signalNumbers)) process.off(signal, note);
  if (interruptedBy !== undefined) process.exit(128 + signalNumbers[interruptedBy]);
  return done;
}

const purpose = process.argv[2];
if (![...Object.keys(commandsFor), 'build'].includes(purpose)) {
  stop(`usage: node tools/setup.mjs ${Object.keys(commandsFor).join('|')}|build`);
}
if (Number(process.versions.node.split('.')[0]) < 20) {
  stop(`expected Node 20 or later, found ${process.versions.node}`);
}
installPackages();
if (purpose !== 'build') await installDebianPackages(purpose);
if (!run(pinnedNode, ['tools/build-firmware.ts'])) stop('the firmware does not build; the message is above');
