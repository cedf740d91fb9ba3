/** Network namespaces for the tests of this folder: named after the test's process, gone afterwards whatever happened. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Started by root, tcpdump becomes another user, who may not write here. */
const asRoot = process.getuid?.() === 0 ? ['-Z', 'root'] : [];

export class Namespaces {
  readonly #names = new Set<string>();
  readonly #children = new Set<ChildProcess>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'sekisho-platform-'));

  /** Full name of a namespace of this test. */
  name(short: string): string {
    return `skplat-${process.pid}-${short}`;
  }

  add(short: string): void {
    run('ip', ['netns', 'add', this.name(short)]);
    this.#names.add(this.name(short));
    this.run(short, 'ip', ['link', 'set', 'lo', 'up']);
    this.run(short, 'sysctl', ['-qw', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0']);
    this.run(short, 'sysctl', ['-qw', 'net.ipv6.conf.default.accept_dad=0']);
  }

  /** A cable between two namespaces, with addresses at either end. */
  connect(
    a: string,
    aInterface: string,
    aAddresses: string[],
    b: string,
    bInterface: string,
    bAddresses: string[],
  ): void {
    run('ip', [
      'link',
      'add',
      aInterface,
      'netns',
      this.name(a),
      'type',
      'veth',
      'peer',
      'name',
      bInterface,
      'netns',
      this.name(b),
    ]);
    this.#configure(a, aInterface, aAddresses);
    this.#configure(b, bInterface, bAddresses);
  }

  /** Runs a program in a namespace to its end and returns its output. */
  run(short: string, program: string, args: string[], input = ''): string {
    return run('ip', ['netns', 'exec', this.name(short), program, ...args], input);
  }

  /** The same, but only says whether it succeeded. */
  succeeds(short: string, program: string, args: string[]): boolean {
    try {
      this.run(short, program, args);
      return true;
    } catch {
      return false;
    }
  }

  /** Starts a program in a namespace; `ready` must appear in its output. */
  async start(
    short: string,
    program: string,
    args: string[],
    ready: RegExp,
    withinMs = 15_000,
  ): Promise<RunningProgram> {
    const child = spawn('ip', ['netns', 'exec', this.name(short), program, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    const running = new RunningProgram(child);
    await running.waitFor(ready, withinMs);
    return running;
  }

  /** Records what passes an interface, until `stop`, which returns tcpdump's lines, one for each packet without `-v`. */
  async capture(
    short: string,
    interfaceName: string,
    filter: string,
  ): Promise<(options?: string[]) => Promise<string[]>> {
    const file = join(this.#folder, `${short}-${interfaceName}-${Math.random()}.pcap`);
    const tcpdump = await this.start(
      short,
      'tcpdump',
      ['-i', interfaceName, '-n', '-U', '--immediate-mode', ...asRoot, '-w', file, filter],
      /listening on/,
    );
    return async (options = []) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await tcpdump.kill('SIGINT');
      return run('tcpdump', ['-n', ...asRoot, ...options, '-r', file])
        .split('\n')
        .filter((line) => line !== '');
    };
  }

  async removeAll(): Promise<void> {
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL');
    for (const name of this.#names) run('ip', ['netns', 'del', name]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #configure(short: string, interfaceName: string, addresses: string[]): void {
    for (const address of addresses) {
      this.run(short, 'ip', [
        'addr',
        'add',
        address,
        'dev',
        interfaceName,
        ...(address.includes(':') ? ['nodad'] : []),
      ]);
    }
    this.run(short, 'ip', ['link', 'set', interfaceName, 'up']);
  }
}

export class RunningProgram {
  readonly #child: ChildProcess;
  output = '';
  /** Its exit status, or the signal's name, when it is gone. */
  readonly ended: Promise<number | string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.once('exit', (status, signal) => resolve(status ?? signal ?? 'unknown'));
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk;
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.output += chunk;
    });
  }

  /** `ip netns exec` becomes the program. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async waitFor(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = this.output.match(pattern);
      if (match !== null) return match;
      if (performance.now() > deadline)
        throw new Error(`no ${pattern} within ${timeoutMs} ms in: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill(signal);
    await gone;
  }
}

function run(program: string, args: string[], input = ''): string {
  return execFileSync(program, args, {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 30_000,
  });
}
