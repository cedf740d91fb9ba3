/** The lab's command line. */
import { parseArgs } from 'node:util';
import { HostError } from '../../host/model/host-error.ts';
import type { SaProtocol } from '../../host/model/security-association.ts';

export interface LabOptions {
  readonly once: boolean;
  readonly json: string | undefined;
  readonly saveKeys: string | undefined;
  readonly nat: string | undefined;
  /** Networks of their own: NATs of each kind, or addresses that change (tools/lab/nat); or one guest that gets other versions. */
  readonly scenario: 'nat' | 'moves' | 'version-up' | undefined;
  readonly protocol: SaProtocol;
  readonly userNamespace: boolean;
  readonly name: string;
  /** The board whose image the routers run as guests of QEMU; undefined: routers are processes in namespaces. */
  readonly qemu: string | undefined;
  /** One guest, tokyo, beside two routers in namespaces. */
  readonly qemuOne: boolean;
  /** The scenario `version-up` with one version that is no good and a good one, and no cuts of power. */
  readonly short: boolean;
  /** Of each router. */
  readonly workers: number;
  readonly help: boolean;
  /** `exec WHERE COMMAND…`: run a command in a namespace of the lab that is up. */
  readonly exec: { readonly where: string; readonly command: readonly string[] } | undefined;
}

export const usage = `npm run lab [-- OPTIONS]
  Brings up an internet, a setting server and three routers with a host behind each, sends real traffic, shows what
  happened, and stays up until Ctrl-C.

  --once            run the whole scenario, tear down, exit 1 if anything fell short
  --json FILE       write the report to FILE (- is standard output); runs the whole scenario
  --nat ROUTER      put a NAT that changes ports in front of tokyo, osaka or nagoya
  --scenario nat    two routers behind NATs of each kind: who reaches whom. With --json and --name alone
  --scenario moves  the addresses of routers and NATs change under traffic. Likewise
  --scenario version-up  with --qemu BOARD: tokyo is a guest, and its server brings it to versions that are good and no good.
                    With --short, --json and --name alone
  --short           with that scenario: one of each, and no cuts of power
  --protocol ah     policies ask for AH instead of ESP; without --once, --json, --nat and --save-keys
  --qemu BOARD      the routers are guests of QEMU with that board's image, which is built where need be
  --qemu-one        with --qemu: tokyo alone is
  --save-keys DIR   write the keys of all data SAs to DIR/esp_sa, and a capture to DIR/internet.pcap, for Wireshark.
                    Whoever has that folder reads the traffic. No router has this option.
  --workers N       routers carry packets with N workers each, 1 to 4; not with --qemu or --save-keys
  --user-namespace  go the way of those who are not root, as root too
  --name NAME       a lab of its own beside others (default: lab)
  --help            print this

npm run lab -- [--name NAME] exec WHERE COMMAND…
  Runs a command inside the lab that is up: exec tokyo-host ping 10.2.0.10
  WHERE is internet, server, tokyo, osaka, nagoya, tokyo-host, osaka-host or nagoya-host.`;

/**
 * Reads the arguments.
 *
 * @throws HostError USAGE with what is wrong
 */
export function readOptions(args: readonly string[]): LabOptions {
  const at = args.indexOf('exec');
  const own = at < 0 ? args : args.slice(0, at);
  const values = parse(own);
  const name = readName(values.name ?? 'lab');
  const [where, ...command] = at < 0 ? [] : args.slice(at + 1);
  if (at >= 0 && (where === undefined || command.length === 0)) {
    throw new HostError('USAGE', 'exec: expected WHERE and a command');
  }
  return {
    once: values.once ?? false,
    json: values.json,
    saveKeys: values['save-keys'],
    nat: values.nat,
    scenario: scenarioOf(values),
    protocol: protocolOf(values),
    userNamespace: values['user-namespace'] ?? false,
    name,
    qemu: qemuOf(values),
    qemuOne: (values['qemu-one'] ?? false) || values.scenario === 'version-up',
    short: shortOf(values),
    workers: workersOf(values),
    help: values.help ?? false,
    exec:
      where === undefined ? undefined : { where, command: command[0] === '--' ? command.slice(1) : command },
  };
}

/**
 * What `--name` says; names of namespaces and files are made of it.
 *
 * @throws HostError USAGE where they cannot be
 */
export function readName(name: string): string {
  if (!/^[a-z0-9-]{1,24}$/.test(name)) {
    throw new HostError('USAGE', `--name: expected 1 to 24 small letters, digits or "-", found ${name}`);
  }
  return name;
}

/** What runs in a guest is an image: it has no key to save, and the scenarios of NATs need fourteen routers. */
function qemuOf(values: ReturnType<typeof parse>): string | undefined {
  const { qemu } = values;
  if (qemu === undefined && values['qemu-one'] === true)
    throw new HostError('USAGE', '--qemu-one: expected --qemu BOARD beside it');
  const isVersionUp = values.scenario === 'version-up';
  if (isVersionUp && qemu === undefined)
    throw new HostError('USAGE', '--scenario version-up: expected --qemu BOARD beside it');
  const other = (
    isVersionUp ? (['qemu-one', 'save-keys'] as const) : (['scenario', 'save-keys'] as const)
  ).find((name) => values[name] !== undefined);
  if (qemu !== undefined && other !== undefined)
    throw new HostError('USAGE', `--qemu ${qemu}: expected no --${other} beside it`);
  return qemu;
}

function workersOf(values: ReturnType<typeof parse>): number {
  const { workers = '1' } = values;
  if (!/^[1-4]$/.test(workers)) throw new HostError('USAGE', `--workers: expected 1 to 4, found ${workers}`);
  const other = (['qemu', 'save-keys'] as const).find((name) => values[name] !== undefined);
  if (workers !== '1' && other !== undefined)
    throw new HostError('USAGE', `--workers ${workers}: expected no --${other} beside it`);
  return Number(workers);
}

function shortOf({ short = false, scenario }: ReturnType<typeof parse>): boolean {
  if (short && scenario !== 'version-up')
    throw new HostError('USAGE', '--short: expected --scenario version-up beside it');
  return short;
}

function scenarioOf(values: ReturnType<typeof parse>): LabOptions['scenario'] {
  const { scenario } = values;
  if (scenario !== undefined && scenario !== 'nat' && scenario !== 'moves' && scenario !== 'version-up') {
    throw new HostError('USAGE', `--scenario: expected nat, moves or version-up, found ${scenario}`);
  }
  const other = (['once', 'nat', 'protocol', 'save-keys'] as const).find(
    (name) => values[name] !== undefined,
  );
  if (scenario !== undefined && other !== undefined) {
    throw new HostError('USAGE', `--scenario ${scenario}: expected no --${other} beside it`);
  }
  return scenario;
}

/** What the whole scenario measures is ESP, AH passes no NAT, and Wireshark has no keys for it. */
function protocolOf(values: ReturnType<typeof parse>): SaProtocol {
  const { protocol = 'esp' } = values;
  if (protocol !== 'esp' && protocol !== 'ah') {
    throw new HostError('USAGE', `--protocol: expected esp or ah, found ${protocol}`);
  }
  const other = (['once', 'json', 'nat', 'save-keys'] as const).find((name) => values[name] !== undefined);
  if (protocol === 'ah' && other !== undefined) {
    throw new HostError('USAGE', `--protocol ah: expected no --${other} beside it`);
  }
  return protocol;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: 'boolean' },
        json: { type: 'string' },
        'save-keys': { type: 'string' },
        nat: { type: 'string' },
        scenario: { type: 'string' },
        protocol: { type: 'string' },
        'user-namespace': { type: 'boolean' },
        name: { type: 'string' },
        qemu: { type: 'string' },
        'qemu-one': { type: 'boolean' },
        short: { type: 'boolean' },
        workers: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new HostError('USAGE', `${cause instanceof Error ? cause.message : String(cause)}\n\n${usage}`, {
      cause,
    });
  }
}
