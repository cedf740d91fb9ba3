/** One line for what a scenario found, for a person; the report has all of it. */
import type { Finding } from './report.ts';

/** A line for each part that is there. */
export function renderSummary(finding: Finding): string {
  const lines = [
    line(
      finding.firstPacket,
      (part) =>
        `first packet: ${ms(part.milliseconds)} from ping to reply, ${part.lost} lost; ` +
        `of a burst of ${part.burst.sent} packets before its SAs ${part.burst.received} came back`,
    ),
    line(
      finding.transfer,
      (part) =>
        `transfer: ${part.bytes / 1048576} MiB, hash ${part.sha256Matches ? 'matches' : 'DIFFERS'}, ` +
        `${part.megabitsPerSecond} Mbit/s; on the wire ${part.espPackets} ESP and ${part.ahPackets} AH packets, ${part.cleartextPackets} in clear`,
    ),
    line(
      finding.renewals,
      (part) =>
        `renewals: ${part.count} under ${part.sent} datagrams: ${part.lost} lost, ${part.cleartextPackets} in clear, ` +
        `${part.repeatedIvs} IVs twice, ${part.securityAssociationsSeen} SAs seen, ` +
        `longest gap ${part.longestGapMilliseconds} ms`,
    ),
    line(
      finding.noPolicy,
      (part) =>
        `no policy: the host heard "${part.icmp}", status says "${part.reason}", ` +
        `${part.requests} request for ${part.tries} tries`,
    ),
    line(
      finding.serverRestart,
      (part) =>
        `server restart: ${part.lost} of ${part.sent} lost, ` +
        `first new SA ${ms(part.newRequestMilliseconds)} after its start`,
    ),
    line(
      finding.routerRestart,
      (part) =>
        `router restart: ${part.cleartextWhileDown} in clear while down, traffic again ` +
        `${ms(part.recoveredMilliseconds)} after its start, ${part.keysIssuedTwice} keys twice`,
    ),
    line(
      finding.powerCut,
      (part) =>
        `power cut: ${part.cleartextPackets} in clear, traffic again ${ms(part.recoveredMilliseconds)} after ` +
        `${part.router} was switched on again, ${part.repeatedIvs} IVs twice`,
    ),
    line(
      finding.peerDown,
      (part) =>
        `peer down: "${part.reason}", said by the ${part.saidBy}, after ${ms(part.milliseconds)} ` +
        `(shortened intervals), ${part.heldPacketsDropped} held packets dropped`,
    ),
    line(
      finding.messageLoss,
      (part) =>
        `message loss: ${part.pairsUp} of ${part.pairsWanted} pairs up with ${part.datagramsDropped} of ` +
        `${part.datagrams} datagrams dropped; slowest ${ms(part.slowestMilliseconds)}, ` +
        `${part.halfInstalled} SAs with one end`,
    ),
    line(
      finding.settings,
      (part) =>
        `settings for ${part.routers} routers: ${part.conventional} by hand, ${part.perPair} with a policy ` +
        `for each pair, ${part.shared} with one for all`,
    ),
  ];
  return lines.filter((text) => text !== undefined).join('\n');
}

function line<Part>(part: Part | undefined, text: (part: Part) => string): string | undefined {
  return part === undefined ? undefined : `  ${text(part)}`;
}

function ms(milliseconds: number | null): string {
  return milliseconds === null ? 'never' : `${milliseconds} ms`;
}
