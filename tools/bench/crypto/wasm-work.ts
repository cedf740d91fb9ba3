/**
 * The rows by one of our modules: packets lie in its memory and are worked on in place, as the packet engine does it. Each kind of
 * method lays its packets out once, and `run` only calls. What has to be opened is put back before each run.
 */
import type { Field, Layout } from '../../primitives/fields.ts';
import { placeHmacJobs } from '../../primitives/jobs.ts';
import type { Aead, Hash, Mac, NonceMac } from '../../primitives/shapes.ts';
import { blockModeWork } from './block-mode-work.ts';
import { cbcHmacWork } from './cbc-hmac-work.ts';
import type { Engine } from './engine.ts';
import { groupsOf, hmacLanes, setUp } from './groups.ts';
import type { Workload } from './packet.ts';
import type { PacketWork } from './packet-work.ts';
import type { Row } from './row.ts';

const icvOctets = 16;

/** Work of `engine` on the row, its packets in fields of `layout`; undefined where the engine has no such algorithm. */
export function wasmWork(
  row: Row,
  workload: Workload,
  engine: Engine,
  layout: Layout,
): PacketWork | undefined {
  const { method } = row;
  if (method.kind === 'cbc-hmac') return cbcHmacWork(row, method, workload, engine, layout);
  const primitive = engine.find(method.algorithm);
  if (primitive === undefined) return undefined;
  if (primitive.kind === 'hash') return hashWork(primitive, workload, layout);
  const context = setUp(primitive, workload.key, layout);
  if (primitive.kind === 'block-mode') {
    const lanes = method.kind === 'block-mode' && method.lanes ? engine.cbcLanes : undefined;
    return blockModeWork(row, primitive, context, workload, lanes, layout);
  }
  if (primitive.kind === 'nonce-mac') return nonceMacWork(primitive, context, workload, layout);
  if (primitive.kind === 'aead') {
    return row.direction === 'encrypt'
      ? sealWork(primitive, context, workload, layout)
      : openWork(primitive, context, workload, layout);
  }
  const lanes = method.kind === 'mac' && method.lanes ? engine.hmacLanes?.(method.algorithm) : undefined;
  return lanes === undefined
    ? macWork(primitive, context, workload, layout)
    : macLanesWork(primitive, context, workload, lanes, layout);
}

function placePackets({ packets }: Workload, layout: Layout) {
  return packets.map((packet) => ({
    packet,
    nonce: layout.place(packet.nonce).address,
    aad: layout.place(packet.aad),
    text: layout.place(packet.text),
    icv: packet.icv.length === 0 ? layout.room(icvOctets) : layout.place(packet.icv),
  }));
}

function sealWork(
  { seal }: Aead,
  { address: context }: Field,
  workload: Workload,
  layout: Layout,
): PacketWork {
  const places = placePackets(workload, layout);
  return {
    run() {
      for (const { nonce, aad, text, icv } of places) {
        seal(context, nonce, aad.address, aad.length, text.address, text.length, icv.address, icvOctets);
      }
    },
    results: () => places.map(({ text, icv }) => Buffer.concat([text.read(), icv.read()])),
  };
}

function openWork(
  { open }: Aead,
  { address: context }: Field,
  workload: Workload,
  layout: Layout,
): PacketWork {
  const places = placePackets(workload, layout);
  return {
    prepare() {
      for (const { packet, text } of places) text.write(packet.text);
    },
    run() {
      let opened = 0;
      for (const { nonce, aad, text, icv } of places) {
        opened += open(
          context,
          nonce,
          aad.address,
          aad.length,
          text.address,
          text.length,
          icv.address,
          icvOctets,
        );
      }
      if (opened !== places.length) throw new Error(`${places.length - opened} packets refused`);
    },
    results: () => places.map(({ text }) => text.read()),
  };
}

function macWork(
  { compute, macOctets }: Mac,
  context: Field,
  { packets }: Workload,
  layout: Layout,
): PacketWork {
  const places = packets.map(({ text }) => ({ message: layout.place(text), out: layout.room(macOctets) }));
  return {
    run() {
      for (const { message, out } of places) {
        compute(context.address, message.address, message.length, out.address);
      }
    },
    results: () => places.map(({ out }) => out.read()),
  };
}

function macLanesWork(
  { macOctets }: Mac,
  context: Field,
  { packets }: Workload,
  lanes: (jobs: number, count: number) => void,
  layout: Layout,
): PacketWork {
  const jobs = packets.map(({ text }) => ({
    context,
    message: layout.place(text),
    out: layout.room(macOctets),
  }));
  const groups = groupsOf(jobs, hmacLanes).map((group) => ({
    records: placeHmacJobs(layout, group).address,
    count: group.length,
  }));
  return {
    run() {
      for (const { records, count } of groups) lanes(records, count);
    },
    results: () => jobs.map(({ out }) => out.read()),
  };
}

function nonceMacWork(mac: NonceMac, context: Field, workload: Workload, layout: Layout): PacketWork {
  const places = placePackets(workload, layout);
  const { compute } = mac;
  return {
    run() {
      for (const { nonce, text, icv } of places) {
        compute(context.address, nonce, text.address, text.length, icv.address);
      }
    },
    results: () => places.map(({ icv }) => icv.read()),
  };
}

function hashWork({ digest, digestOctets }: Hash, { packets }: Workload, layout: Layout): PacketWork {
  const places = packets.map(({ text }) => ({ message: layout.place(text), out: layout.room(digestOctets) }));
  return {
    run() {
      for (const { message, out } of places) digest(message.address, message.length, out.address);
    },
    results: () => places.map(({ out }) => out.read()),
  };
}
