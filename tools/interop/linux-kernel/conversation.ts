/**
 * One combination played: echo requests sealed by our engine go to the kernel, which opens them, answers, and seals the
 * answers; ours opens those. Every octet of both is compared.
 */
import { openCapture, sealCapture } from '../../../host/cli/esp-capture.ts';
import type { CapturedPacket } from '../../../host/cli/pcap.ts';
import { parseSaFile } from '../../../host/cli/sa-file.ts';
import { type Combination, octetsOf } from './combinations.ts';
import { echoPacket, echoReply, echoRequest, saidIn } from './echo.ts';
import type { KernelGuest } from './kernel-guest.ts';
import { addresses, kernelCommands, saFileOf } from './security-associations.ts';

/** Around each edge of the blocks of a cipher, and near the MTU. With ESN the low half of the numbers wraps on the way. */
const payloadLengths = [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 1000, 1300];

/**
 * Linux 6.1 drops ESP in UDP over IPv6 that is shorter than an IPv6 header: __xfrm6_udp_encap_rcv compares what is behind that
 * header with a length that includes it.
 */
const shortestInUdp6 = 40 + 8 + 40;

const answerWithinMs = 15_000;

const protocolNumbers = { esp: 50, ah: 51, udp: 17 } as const;

/** Why the two do not agree; undefined when they do. */
export async function converse(guest: KernelGuest, combination: Combination): Promise<string | undefined> {
  await guest.ip(kernelCommands(combination));
  const { mode, family } = combination;
  const [us, kernel] =
    mode === 'tunnel'
      ? ([addresses.behindUs, addresses.behindKernel] as const)
      : ([addresses.ours, addresses.kernels] as const);
  const payloads = payloadLengths.map((length) => octetsOf(`payload ${length} ${combination.name}`, length));
  const requests = payloads.map((payload, sequence) =>
    echoPacket({
      family,
      source: us[family],
      destination: kernel[family],
      type: echoRequest[family],
      sequence,
      payload,
    }),
  );
  const replies = payloads.map((payload, sequence) =>
    echoPacket({
      family,
      source: kernel[family],
      destination: us[family],
      type: echoReply[family],
      sequence,
      payload,
    }),
  );
  const sealed = sealCapture(
    parseSaFile(saFileOf(combination, 'to kernel'), 'SA to the kernel'),
    requests.map(captured),
  );
  if (sealed.packets.length < requests.length)
    return `our engine seals not all: ${JSON.stringify(sealed.leftOut)}`;
  const sent = sealed.packets.map(({ packet }) => packet);
  const isTooShort = (packet: Uint8Array) =>
    combination.udp && combination.outerFamily === 6 && packet.length < shortestInUdp6;
  const expected = replies.filter((_, index) => !isTooShort(sent[index] ?? new Uint8Array(0)));
  const answers = await guest.exchange(
    sent,
    (packet) => isProtected(packet, combination),
    expected.length,
    answerWithinMs,
  );
  if (answers.length < expected.length) {
    return `the kernel answers ${answers.length} of ${expected.length} packets: ${await complaints(guest)}`;
  }
  const opened = openCapture(parseSaFile(saFileOf(combination, 'to us'), 'SA to us'), answers.map(captured));
  if (opened.packets.length < answers.length)
    return `our engine opens not all: ${JSON.stringify(opened.leftOut)}`;
  const wrong = opened.packets.findIndex(
    ({ packet }, index) => saidIn(packet) !== saidIn(expected[index] ?? new Uint8Array(0)),
  );
  return wrong < 0 ? undefined : `answer ${wrong} is not the echo of what was asked`;
}

function captured(packet: Uint8Array): CapturedPacket {
  return { time: { seconds: 0, fraction: 0 }, packet, missing: undefined };
}

/** Whether a packet is the SA's: everything else on the cable is the kernel's own business. */
function isProtected(packet: Uint8Array, { protocol, udp }: Combination): boolean {
  const next = packet[(packet[0] ?? 0) >> 4 === 6 ? 6 : 9];
  return next === protocolNumbers[udp ? 'udp' : protocol];
}

/** What the kernel counted as errors. */
async function complaints(guest: KernelGuest): Promise<string> {
  const counters = await guest.run("grep -v '\\s0$' /proc/net/xfrm_stat || true");
  return counters.trim().replaceAll(/\s+/g, ' ') || 'and counts no error';
}
