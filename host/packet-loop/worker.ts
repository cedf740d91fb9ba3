/**
 * Entry point of the packet loop's worker thread: opens Linux's packet interface over the engine's memory and runs the
 * loop until it is told to stop. When the firmware traps, everything is closed (the TUN is gone, the guard drops what
 * should have been protected), started anew, and the control thread is told that every SA is lost.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { rehearsePackets } from '../dataplane/rehearsal.ts';
import type { Address } from '../model/address.ts';
import { randomOctets } from '../platform/entropy.ts';
import { openLinuxPacketInterface } from '../platform/linux-packet-interface.ts';
import { type ArrivedCommand, PacketLoop } from './packet-loop.ts';
import type { LoopEvent, LoopSettings } from './protocol.ts';

/** More traps than this in the life of a process are no accident: better to stop and be seen. */
const maximumTraps = 8;

/** What the settings file allows, and rows for entries with several selectors. */
const maximumSpdEntries = 4096;
const maximumSpdRows = 8192;

/** A packet slot takes the longest setting message in its inner packet (10,240 octets and headers), or of the TUN. */
const ordinaryPacketOctets = 10_496;
const encapsulationOctets = 128;

function main(): void {
  const port = parentPort;
  if (port === null) throw new Error('the packet loop runs in a worker thread');
  // Typed by the only place that starts this worker, loop-client.ts.
  const settings = workerData as LoopSettings;
  const post = (event: LoopEvent): void => port.postMessage(event);
  // Commands are taken from the port by the loop, between two batches; a listener would never get its turn.
  const receive = (): ArrivedCommand | undefined =>
    receiveMessageOnPort(port)?.message as ArrivedCommand | undefined; // posted by loop-client.ts alone

  rehearsePackets(randomOctets);
  for (let traps = 0; traps < maximumTraps; traps++) {
    let wakeFd = -1;
    const loop = new PacketLoop({
      settings,
      engine: {
        random: randomOctets,
        pathMtuOctets: settings.pathMtuOctets,
        capacities: {
          saPairs: settings.saPairs,
          spdEntries: maximumSpdEntries,
          spdRows: maximumSpdRows,
          packetOctets: Math.max(ordinaryPacketOctets, settings.tunMtu + encapsulationOctets),
          heldPackets: settings.heldPackets,
          heldPerKey: settings.heldPacketsPerEntry,
        },
      },
      openInterface: (memory) => {
        const opened = openLinuxPacketInterface({
          memory,
          tunName: settings.tunName,
          tunMtu: settings.tunMtu,
          localAddresses: [settings.localAddress] satisfies Address[],
          localPort: settings.localPort,
          mark: settings.mark,
          rawEsp: true,
        });
        wakeFd = opened.wakeFd;
        return opened;
      },
      post,
      receive,
    });
    post({ kind: 'ready', wakeFd });
    if (traps > 0) post({ kind: 'engine-lost', reason: `the firmware trapped (${traps})` });
    try {
      loop.run();
      loop.close();
      return;
    } catch (error) {
      loop.close();
      if (!PacketLoop.isLost(error)) throw error;
      console.error(error);
    }
  }
  post({
    kind: 'fatal',
    message: `the firmware trapped ${maximumTraps} times: no packet is carried any more`,
  });
}

main();
