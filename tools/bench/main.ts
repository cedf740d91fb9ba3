/**
 * `npm run bench -- BENCH`: measures the shipped firmware, and IKE. Which bench is which is decided here; each has a folder beside this
 * file. docs/measuring.md tells how to read what it prints.
 */
import { writeFileSync } from 'node:fs';
import { type Bench, BenchUsageError, WrongResult } from './bench.ts';
import { describeMachine, machine } from './machine.ts';
import { checkPeers, chooseRows, readCommandLine } from './options.ts';

/** A new bench is an entry here. Loaded when it is asked for, because loading takes the firmware. */
const benches: Readonly<Record<string, { summary: string; load: () => Promise<Bench> }>> = {
  crypto: {
    summary: 'every cipher, MAC and hash against node:crypto, noble and a plain version of ours',
    load: async () => (await import('./crypto/bench.ts')).cryptoBench,
  },
  esp: {
    summary: 'whole packets in and out next to their ciphers, lookups in SPD and SAD',
    load: async () => (await import('./esp/bench.ts')).espBench,
  },
  ike: {
    summary: 'IKEv2 handshakes, and what a new peer costs a router, next to strongSwan (as root)',
    load: async () => (await import('./ike/bench.ts')).ikeBench,
  },
  path: {
    summary: 'packets through two routers, per cipher, next to plain forwarding and to peers (as root)',
    load: async () => (await import('./path/bench.ts')).pathBench,
  },
  'small-router': {
    summary: 'a first packet on a router of 60 MHz: with the setting server, and with IKEv2 (as root)',
    load: async () => (await import('./small-router/bench.ts')).smallRouterBench,
  },
  'ike-flood': {
    summary: '10,000 spoofed IKE_SA_INIT a second at the setting server, and a router that gets in',
    load: async () => (await import('./ike-flood/bench.ts')).ikeFloodBench,
  },
};

const defaultSeconds = 4;
const exitWrong = 1;
const exitUsage = 2;

const usage = `npm run bench -- BENCH [--only NAME,...] [--seconds N] [--json FILE] [--peers NAME,...] [--wire] [--soak MINUTES]
  Measures what ships and prints a table.

${Object.entries(benches)
  .map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`)
  .join('\n')}

  --only NAME,...   rows of these names; a name that does not exist is answered with those that do
  --seconds N       time for each row (default: ${defaultSeconds})
  --peers NAME,...  with path: strongswan, wireguard-go, openvpn beside; Debian packages are installed for it
  --wire            with path: packets of at most 1500 octets between the routers, as on a cable
  --soak MINUTES    with path: full load for so long with new SAs every ten seconds; loss and memory
  --json FILE       write the rows and the machine to FILE
  --help            print this

  Exit status: 0 measured, 1 a result was wrong, 2 the command line was.`;

async function run(args: readonly string[]): Promise<void> {
  const commandLine = readCommandLine(args, Object.keys(benches));
  const { help, bench: name, only, seconds, json, peers, wire, soakMinutes } = commandLine;
  const entry = name === undefined ? undefined : benches[name];
  if (help || entry === undefined) {
    console.log(usage);
    return;
  }
  const bench = await entry.load();
  checkPeers(name ?? '', commandLine, bench.peers);
  const { rows, text } = await bench.run({
    only: chooseRows(only, bench.names),
    seconds: seconds ?? defaultSeconds,
    ...(peers === undefined ? {} : { peers }),
    wire,
    ...(soakMinutes === undefined ? {} : { soakMinutes }),
    progress: (line) => console.error(`bench ${name}: ${line}`),
  });
  const facts = machine();
  console.log(`${describeMachine(facts)}\n\n${text}`);
  if (json !== undefined) writeReport(json, `${JSON.stringify({ machine: facts, rows }, undefined, 2)}\n`);
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new BenchUsageError(
      `--json: expected a file to write: ${error instanceof Error ? error.message : error}`,
    );
  }
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BenchUsageError || error instanceof WrongResult)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = error instanceof WrongResult ? exitWrong : exitUsage;
}
