/**
 * `npm run lab`: Sekisho on a whole little internet, with real traffic, on one machine. Brings it up, shows what happens,
 * and leaves nothing behind, however it ends. docs/lab.md tells what it measures and how.
 */
import { spawnSync } from 'node:child_process';
import { HostError } from '../../host/model/host-error.ts';
import { type BoardImage, obtainBoardImage } from './board-image.ts';
import { endOnSignal, interruptedStatus } from './end-on-signal.ts';
import { Lab } from './lab.ts';
import { insideNamespace, namespacePrefix } from './namespaces.ts';
import { runMoves } from './nat/moves.ts';
import { runNatScenario } from './nat/scenario.ts';
import { type LabOptions, readOptions, usage } from './options.ts';
import { readState } from './place.ts';
import { extendSearchPath, isInsideUserNamespace, obtainPrivileges } from './privileges.ts';
import type { Finding, Report } from './report.ts';
import { writeReport } from './report-file.ts';
import { runSteps, runWholeScenario, shortScenario } from './scenario/scenario.ts';
import type { Scene } from './scenario/scene.ts';
import { renderSummary } from './summary.ts';
import { renderTables } from './tables.ts';
import { renderTimeSequence } from './time-sequence.ts';
import { planTopology } from './topology-plan.ts';
import { obtainReleases } from './version-up/releases.ts';
import { runVersionUp } from './version-up/scenario.ts';

/** Runs the command line; the result is the exit status. */
async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    console.log(usage);
    return 0;
  }
  if (options.exec !== undefined) return execute(options.name, options.exec.where, options.exec.command);
  // With the report on standard output, people read standard error.
  const out = options.json === '-' ? process.stderr : process.stdout;
  const print = (text: string) => void out.write(`${text}\n`);
  const startedAt = performance.now();
  const say = (line: string) =>
    print(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s] ${line}`);
  // Before the user namespace, in which apt cannot change its user; inside, it is only looked up.
  extendSearchPath();
  const { image, web } = await obtainImage(options, isInsideUserNamespace() ? () => undefined : say);
  obtainPrivileges(options.userNamespace);
  if (options.saveKeys !== undefined) warnOfKeys(options.saveKeys, print);
  const lab = Lab.take(options, say);
  const interrupted = endOnSignal();
  try {
    const crashes: string[] = [];
    const work = operate(lab, options, { image, web }, crashes, print, say);
    const first = await Promise.race([work, interrupted]);
    work.catch(() => undefined);
    if (first !== 'interrupted') {
      if (first !== 0) lab.keepConsoles();
      return first;
    }
    say('interrupted: tearing down');
    return options.once || !isUp ? interruptedStatus : crashes.length > 0 ? 1 : 0;
  } catch (error) {
    lab.keepConsoles();
    throw error;
  } finally {
    await lab.tearDown();
  }
}

/** True when the lab stays up and Ctrl-C is its regular end. */
let isUp = false;

async function operate(
  lab: Lab,
  options: LabOptions,
  { image, web }: LabImage,
  crashes: string[],
  print: (text: string) => void,
  say: (line: string) => void,
): Promise<number> {
  const crashed = Promise.withResolvers<void>();
  const scene = await lab.bringUp(options, image, (message) => {
    crashes.push(message);
    say(`CRASH: ${message}`);
    crashed.resolve();
  });
  if (options.scenario !== undefined) {
    const report = await runScenario(scene, options, web, print);
    if (options.json !== undefined) writeReport(options.json, report);
    print(
      report.ok
        ? 'Everything held.'
        : `${report.shortfalls.length} shortfalls:\n${report.shortfalls.join('\n')}`,
    );
    return report.ok && crashes.length === 0 ? 0 : 1;
  }
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  const show = async (finding: Finding) => {
    if (finding.firstPacket !== undefined) {
      print(`\nTime sequence of the first packet\n\n${renderTimeSequence(finding.firstPacket.events)}\n`);
    }
    if (finding.transfer !== undefined) print(`\n${await renderTables(scene.plan, scene.fleet, width)}\n`);
    const summary = renderSummary(finding);
    if (summary !== '') print(summary);
  };
  const ok = await measure(scene, options, crashes, show, print);
  if (options.once) return ok ? 0 : 1;
  if (crashes.length > 0) return 1;
  print(whatToTry(lab, scene, options));
  isUp = true;
  await crashed.promise;
  return 1;
}

/** What guests start with, and where the releases are that they are to be brought to. */
interface LabImage {
  readonly image: BoardImage | undefined;
  readonly web: string | undefined;
}

async function obtainImage({ qemu, scenario }: LabOptions, say: (line: string) => void): Promise<LabImage> {
  if (qemu === undefined) return { image: undefined, web: undefined };
  if (scenario === 'version-up') return obtainReleases(qemu, planTopology().serverAddress, say);
  return { image: await obtainBoardImage(qemu, say), web: undefined };
}

function runScenario(
  scene: Scene,
  { scenario, qemu = '', short }: LabOptions,
  web: string | undefined,
  print: (text: string) => void,
): Promise<{ readonly ok: boolean; readonly shortfalls: readonly string[] }> {
  if (web !== undefined) return runVersionUp(scene, { web, board: qemu, isShort: short });
  return scenario === 'nat' ? runNatScenario(scene, print) : runMoves(scene);
}

async function measure(
  scene: Scene,
  options: LabOptions,
  crashes: readonly string[],
  show: (finding: Finding) => Promise<void>,
  print: (text: string) => void,
): Promise<boolean> {
  if (!options.once && options.json === undefined) {
    const { shortfalls } = await runSteps(scene, shortScenario, show);
    await scene.capture.stop();
    return shortfalls.length === 0;
  }
  const found = await runWholeScenario(scene, show);
  const shortfalls = [...found.shortfalls, ...crashes.map((crash) => `crash: ${crash}`)];
  const report: Report = { ...found, shortfalls, ok: shortfalls.length === 0 };
  if (options.json !== undefined) writeReport(options.json, report);
  if (report.leftOut.length > 0)
    print(`\nLeft out:\n${report.leftOut.map(({ part, why }) => `  ${part}: ${why}`).join('\n')}`);
  print(report.ok ? '\nEverything held.' : `\n${shortfalls.length} shortfalls:\n${shortfalls.join('\n')}`);
  if (!options.once && scene.guests === undefined) {
    await scene.fleet.stopAll();
    await scene.fleet.startAll('everyday');
  }
  return report.ok;
}

function whatToTry(lab: Lab, scene: Scene, options: LabOptions): string {
  const [tokyo, osaka, nagoya] = scene.plan.sites;
  if (tokyo === undefined || osaka === undefined || nagoya === undefined) return '';
  const exec = `npm run lab -- ${options.name === 'lab' ? '' : `--name ${options.name} `}exec`;
  const { fleet } = scene;
  const tries = [
    [`${exec} tokyo-host ping ${osaka.hostAddress}`, 'a host talks to a host'],
    [`${exec} osaka-host ping ${nagoya.hostAddress}`, 'a pair without a policy: prohibited'],
    [`${exec} internet tcpdump -n -i any`, 'all that crosses is ESP and IKE'],
    ...fleet
      .reachable([tokyo, osaka])
      .slice(0, 1)
      .map((socket) => [`npx sekisho sad --socket ${socket}`, "a router's SAs"] as const),
    ...[...fleet.guests]
      .slice(0, 1)
      .map((name) => [`less +F ${lab.place.path(`${name}.log`)}`, "a guest's console"] as const),
    [`npx sekisho status --socket ${fleet.serverSocket}`, 'how the server is'],
  ] as const;
  const widest = Math.max(...tries.map(([command]) => command.length));
  return `
The lab is up. In another terminal:

${tries.map(([command, why]) => `  ${command.padEnd(widest)}   ${why}`).join('\n')}

  Edit ${fleet.configurationFile('server')}
  (add a policy between osaka and nagoya, say): it takes effect when it is saved, and touches nothing else.

Ctrl-C tears everything down.`;
}

function warnOfKeys(folder: string, print: (text: string) => void): void {
  print(
    [
      '*'.repeat(96),
      `* THE KEYS OF ALL DATA SAs ARE WRITTEN TO ${folder}/esp_sa.`,
      '* Whoever reads that folder reads the traffic. This exists in the lab alone, to look into its own packets.',
      '*'.repeat(96),
    ].join('\n'),
  );
}

/** Runs a command in a namespace of the lab that is up, from outside. */
function execute(name: string, where: string, command: readonly string[]): number {
  extendSearchPath();
  const state = readState(name);
  if (state === undefined)
    throw new HostError('USAGE', `no lab called "${name}" is up: start it with npm run lab`);
  const inside = insideNamespace(namespacePrefix(name) + where, command);
  const enter = [
    'nsenter',
    '--target',
    String(state.lab.pid),
    '--user',
    '--mount',
    '--preserve-credentials',
    '--',
  ];
  const [file = '', ...args] = state.userNamespace ? [...enter, ...inside] : inside;
  const result = spawnSync(file, args, { stdio: 'inherit' });
  return result.status ?? 1;
}

// A reader that has seen enough, or a terminal that is gone, must not keep the lab from tearing itself down.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const message = error instanceof HostError ? `${error.message} (${error.code})` : error;
  console.error('lab:', message);
  process.exitCode = error instanceof HostError && error.code === 'USAGE' ? 2 : 1;
}
process.exit();
