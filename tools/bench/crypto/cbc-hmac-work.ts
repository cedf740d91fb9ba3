/**
 * The rows of AES-CBC with HMAC by one of our modules: encrypt, then MAC what was encrypted; MAC, compare, then decrypt. Packets that are
 * there at once go side by side as far as the engine can.
 */
import { equal } from '../../primitives/equal.ts';
import type { Field, Layout } from '../../primitives/fields.ts';
import { type Place, placeCbcJobs, placeHmacJobs } from '../../primitives/jobs.ts';
import type { BlockMode, Mac } from '../../primitives/shapes.ts';
import type { Engine } from './engine.ts';
import { cbcLanes, groupsOf, hmacLanes, setUp } from './groups.ts';
import { hmacIcvOctets } from './node-crypto.ts';
import type { Packet, Workload } from './packet.ts';
import type { PacketWork } from './packet-work.ts';
import type { Method, Row } from './row.ts';

interface PlacedPacket {
  readonly packet: Packet;
  /** SPI, sequence number, IV and text, as in ESP (RFC 4303 section 2): what the MAC is of. */
  readonly message: Field;
  readonly iv: Place;
  readonly text: Place;
  readonly digest: Field;
  readonly icv: Field;
}

export function cbcHmacWork(
  row: Row,
  method: Extract<Method, { kind: 'cbc-hmac' }>,
  workload: Workload,
  engine: Engine,
  layout: Layout,
): PacketWork | undefined {
  const cbc = engine.find('AES-CBC');
  const mac = engine.find(method.mac);
  if (cbc?.kind !== 'block-mode' || mac?.kind !== 'mac') return undefined;
  const context = setUp(cbc, workload.key, layout);
  const macContext = setUp(mac, workload.macKey, layout);
  const places = workload.packets.map((packet) => place(packet, mac, layout));
  const lanes = row.batch > 1 ? engine : undefined;
  const authenticate = macAll(places, mac, macContext, lanes?.hmacLanes?.(method.mac), layout);
  const length = hmacIcvOctets[method.mac];
  if (row.direction === 'encrypt') {
    const encrypt = encryptAll(places, cbc, context, lanes?.cbcLanes, layout);
    return {
      run() {
        encrypt();
        authenticate();
      },
      results: () =>
        places.map(({ message, text, digest }) =>
          Buffer.concat([textOf(message, text), digest.read().subarray(0, length)]),
        ),
    };
  }
  return {
    prepare() {
      for (const { packet, message } of places) message.write(messageOf(packet));
    },
    run() {
      authenticate();
      for (const { iv, text, digest, icv } of places) {
        if (equal(digest.address, icv.address, length) === 0) throw new Error('a packet refused');
        cbc.decrypt(context.address, iv.address, text.address, text.length);
      }
    },
    results: () => places.map(({ message, text }) => textOf(message, text)),
  };
}

function messageOf({ aad, nonce, text }: Packet): Uint8Array {
  return Buffer.concat([aad, nonce, text]);
}

function place(packet: Packet, mac: Mac, layout: Layout): PlacedPacket {
  // Behind the header the IV is eight octets past a multiple of 16, so that the text is on one.
  const message = layout.place(messageOf(packet), 8);
  const iv = { address: message.address + packet.aad.length, length: packet.nonce.length };
  const text = { address: iv.address + iv.length, length: packet.text.length };
  return { packet, message, iv, text, digest: layout.room(mac.macOctets), icv: layout.place(packet.icv) };
}

function textOf(message: Field, text: Place): Uint8Array {
  return message.read().subarray(text.address - message.address);
}

function encryptAll(
  places: readonly PlacedPacket[],
  cbc: BlockMode,
  context: Field,
  lanes: Engine['cbcLanes'],
  layout: Layout,
): () => void {
  if (lanes === undefined)
    return () => {
      for (const { iv, text } of places) cbc.encrypt(context.address, iv.address, text.address, text.length);
    };
  const groups = groupsOf(places, cbcLanes).map((group) => ({
    records: placeCbcJobs(
      layout,
      group.map((place) => ({ ...place, context })),
    ).address,
    count: group.length,
  }));
  return () => {
    for (const { records, count } of groups) lanes(records, count);
  };
}

function macAll(
  places: readonly PlacedPacket[],
  mac: Mac,
  context: Field,
  lanes: ((jobs: number, count: number) => void) | undefined,
  layout: Layout,
): () => void {
  if (lanes === undefined)
    return () => {
      for (const { message, digest } of places)
        mac.compute(context.address, message.address, message.length, digest.address);
    };
  const groups = groupsOf(places, hmacLanes).map((group) => ({
    records: placeHmacJobs(
      layout,
      group.map(({ message, digest }) => ({ context, message, out: digest })),
    ).address,
    count: group.length,
  }));
  return () => {
    for (const { records, count } of groups) lanes(records, count);
  };
}
