/** The files of `sekisho esp`: an SA, a capture in, a capture out. It says where something is wrong and what to do. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { HostError } from '../model/host-error.ts';
import { type Capture, type CaptureTime, readPcap, writePcap } from './pcap.ts';
import { parseSaFile, type SaFile } from './sa-file.ts';

/** A capture is read as a whole; this much fits every machine that we run on. */
const maximumCaptureOctets = 512 * 1024 * 1024;
const maximumSaOctets = 64 * 1024;

/** The SA of a file; one that others can read is used with a warning on standard error. */
export function readSa(path: string): SaFile {
  const octets = readBounded(path, maximumSaOctets);
  try {
    const mode = statSync(path).mode;
    if ((mode & 0o077) !== 0) {
      process.stderr.write(
        `sekisho: warning: ${path} holds keys and others can read it; run: chmod 600 ${path}\n`,
      );
    }
    return parseSaFile(octets.toString('utf8'), path);
  } finally {
    octets.fill(0);
  }
}

export function readCapture(path: string): Capture {
  return readPcap(readBounded(path, maximumCaptureOctets), path);
}

export function writeCapture(
  path: string,
  nanoseconds: boolean,
  packets: readonly { readonly time: CaptureTime; readonly packet: Uint8Array }[],
): void {
  try {
    writeFileSync(path, writePcap(nanoseconds, packets));
  } catch (cause) {
    throw new HostError('PLATFORM', `cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}

function readBounded(path: string, maximumOctets: number): Buffer {
  let octets: Buffer;
  try {
    const { size } = statSync(path);
    if (size > maximumOctets) throw new Error(`it has ${size} octets, expected at most ${maximumOctets}`);
    octets = readFileSync(path);
  } catch (cause) {
    throw new HostError('CONFIG_INVALID', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  return octets;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
