/** An instance of the firmware: what it imports, what it refuses, what a trap or a failed self-test leaves. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { DROP_DATA_PLANE_CLOSED } from '../../../firmware/abi/drop-code.ts';
import { dropReasonName } from '../../../firmware/abi/drop-reason.ts';
import {
  CANARY_OCTET,
  CONFIGURATION_ADDRESS,
  CONFIGURATION_REGIONS,
  CONFIGURE_ABI_VERSION,
  CONFIGURE_CAPACITY,
  CONFIGURE_OK,
  CONFIGURE_REGION,
  REGION_COUNT,
  REGION_DESCRIPTORS,
  REGION_SA_SLOTS,
} from '../../../firmware/abi/layout.ts';
import { SA_SELECTOR_FIRST, SA_SLOT_SIZE } from '../../../firmware/abi/sa-slot.ts';
import { EngineLostError, FirmwareInstance } from '../../../host/dataplane/instance.ts';
import {
  canaries,
  defaultCapacities,
  layOutMemory,
  type MemoryLayout,
  writeConfiguration,
} from '../../../host/dataplane/memory-layout.ts';
import { HostError } from '../../../host/model/host-error.ts';
import {
  arrival,
  dataplane,
  engineWithPair,
  referenceSa,
  smallCapacities,
} from '../../property/dataplane/engines.ts';
import { packetOf, UDP } from '../../property/dataplane/packets.ts';
import { referenceSeal } from '../../property/dataplane/reference-esp.ts';

const firmware = fileURLToPath(new URL('../../../build/firmware.wasm', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sekisho-firmware-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Exports = Record<string, (...parameters: number[]) => number>;

/** The bare module with memory of its own, configured by `spoil` after the host's layout was written. */
function bare(spoil: (view: DataView, layout: MemoryLayout) => void = () => {}): {
  exports: Exports;
  view: DataView;
  layout: MemoryLayout;
} {
  const layout = layOutMemory(smallCapacities);
  const memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.pages });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(firmware)), {
    env: { memory },
  });
  writeConfiguration(memory.buffer, layout, new Uint8Array(16));
  const view = new DataView(memory.buffer);
  spoil(view, layout);
  return { exports: instance.exports as Exports, view, layout };
}

function configured(offset: number, value: number): (view: DataView) => void {
  return (view) => view.setUint32(CONFIGURATION_ADDRESS + offset, value, true);
}

describe('the firmware', () => {
  it('imports memory and nothing else, and exports functions alone', () => {
    const module = new WebAssembly.Module(readFileSync(firmware));
    expect(WebAssembly.Module.imports(module)).toMatchObject([
      { module: 'env', name: 'memory', kind: 'memory' },
    ]);
    for (const one of WebAssembly.Module.exports(module)) {
      expect(one.kind === 'function' || one.name === 'memory').toBe(true);
      expect(one.name).toMatch(/^[a-z0-9_]+$/);
    }
  });

  it('accepts the host’s layout and refuses another ABI or a capacity that is no power of two', () => {
    expect(bare().exports.configure!()).toBe(CONFIGURE_OK);
    expect(bare(configured(0, 999)).exports.configure!()).toBe(CONFIGURE_ABI_VERSION);
    expect(bare(configured(4, 15)).exports.configure!()).toBe(CONFIGURE_CAPACITY);
    expect(bare(configured(24, 100)).exports.configure!()).toBe(CONFIGURE_CAPACITY);
    expect(bare(configured(8, 0xffffffff)).exports.configure!()).toBe(CONFIGURE_CAPACITY);
  });

  it('refuses every region that is moved into another, off its alignment or out of memory', () => {
    for (let region = 0; region < REGION_COUNT; region++) {
      for (const move of [-64, 8, 1 << 30]) {
        const { exports } = bare((view) => {
          const at = CONFIGURATION_ADDRESS + CONFIGURATION_REGIONS + 4 * region;
          view.setUint32(at, view.getUint32(at, true) + move, true);
        });
        expect(exports.configure!(), `region ${region} moved by ${move}`).toBe(CONFIGURE_REGION);
      }
    }
  });

  it('drops every packet as data-plane-closed until its self-test has passed', () => {
    const { exports, view, layout } = bare();
    expect(exports.self_test!()).not.toBe(0);
    exports.configure!();
    const descriptor = layout.regions[REGION_DESCRIPTORS]!;
    for (const run of ['run_outbound', 'run_inbound'] as const) {
      exports[run]!(0, 1, 0);
      expect(view.getUint32(descriptor + 4, true)).toBe(DROP_DATA_PLANE_CLOSED);
    }
    expect(dropReasonName(DROP_DATA_PLANE_CLOSED)).toBe('data-plane-closed');
    expect(exports.install_sa!(0)).not.toBe(0);
    expect(exports.self_test!()).toBe(0);
  });

  it('ignores packet slots that it does not have', () => {
    const engine = engineWithPair();
    engine.runOutbound(0xffff_ffff, 0, 4);
    engine.runOutbound(1, 0, 0xffff_ffff);
    engine.runInbound(0xffff_ffff, 0, 9);
    expect(engine.hasIntactCanaries()).toBe(true);
  });
});

describe('an instance', () => {
  it('says how to build a firmware that is missing', () => {
    const missing = () =>
      new FirmwareInstance(smallCapacities, new Uint8Array(16), join(folder, 'none.wasm'));
    expect(missing).toThrowError(expect.objectContaining({ code: 'FIRMWARE_MISSING' }));
    expect(missing).toThrowError(/npm run build/);
  });

  it('refuses a module that is no firmware of this host', () => {
    const file = join(folder, 'empty.wasm');
    writeFileSync(file, Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    expect(() => new FirmwareInstance(smallCapacities, new Uint8Array(16), file)).toThrowError(HostError);
  });

  it('holds 1,000 SAs in 16 MiB', () => {
    expect(defaultCapacities.saPairs * 2).toBeGreaterThanOrEqual(1000);
    expect(layOutMemory(defaultCapacities).pages * 65536).toBeLessThanOrEqual(16 * 1024 * 1024);
  });

  it('has room for 50,000 SAs and 10,000 SPD rows, and takes as much for a pair as the README says', () => {
    const octets = (saPairs: number) => {
      const { regionSizes } = layOutMemory({ ...defaultCapacities, saPairs });
      return regionSizes.reduce((sum, size) => sum + size, 0);
    };
    const pairOctets = (octets(4096) - octets(2048)) / 2048;
    const readme = readFileSync(new URL('../../../firmware/README.md', import.meta.url), 'utf8');
    expect(readme).toContain(`A pair takes ${pairOctets.toLocaleString('en')} octets`);
    const large = { ...defaultCapacities, saPairs: 32768, spdRows: 10_000, spdEntries: 10_000 };
    expect(new FirmwareInstance(large, new Uint8Array(16)).lost).toBeUndefined();
  });

  it.each([
    ['saPairs', 12],
    ['events', 0],
    ['packetOctets', 1 << 20],
    ['heldPackets', 1.5],
  ])('refuses a capacity %s of %s', (name, value) => {
    expect(() => layOutMemory({ ...smallCapacities, [name]: value })).toThrowError(
      expect.objectContaining({ code: 'CAPACITY', message: expect.stringContaining(name) }),
    );
  });

  it('has canaries before, between and behind all regions', () => {
    const instance = new FirmwareInstance(smallCapacities, new Uint8Array(16));
    const found = canaries(instance.buffer, instance.layout);
    expect(found).toHaveLength(REGION_COUNT + 1);
    for (const canary of found) {
      expect(canary.length).toBeGreaterThanOrEqual(64);
      expect(canary.every((octet) => octet === CANARY_OCTET)).toBe(true);
    }
  });

  it('is lost for good after a trap: wiped, and every later call says why', () => {
    const engine = engineWithPair();
    const memory = new Uint8Array(engine.buffer);
    const slots = layOutMemory(smallCapacities).regions[REGION_SA_SLOTS]!;
    // Selectors far outside memory, as only a bug could lead to.
    new DataView(engine.buffer).setUint32(slots + SA_SLOT_SIZE + SA_SELECTOR_FIRST, 0x00ff_ffff, true);
    const packet = packetOf({ source: '10.2.0.1', destination: '10.1.0.1', protocol: UDP, upper: [1, 2] });
    const esp = referenceSeal(referenceSa(0x1001), 1n, packet, 4);
    expect(() => engine.inbound(arrival(esp), 0)).toThrowError(EngineLostError);
    expect(engine.lost).toMatchObject({ message: expect.stringContaining('run_inbound') });
    expect(() => engine.outbound(packet, 0)).toThrowError(EngineLostError);
    expect(memory.every((octet) => octet === 0)).toBe(true);
  });

  it('passes nothing any more once it is closed', () => {
    const engine = engineWithPair();
    engine.close();
    const packet = packetOf({ source: '10.1.0.1', destination: '10.2.0.1', protocol: UDP, upper: [1, 2] });
    expect(() => engine.outbound(packet, 0)).toThrowError(EngineLostError);
    expect(() => engine.inbound(arrival(new Uint8Array(64)), 0)).toThrowError(EngineLostError);
    expect(() => engine.change({ spd: [] }, 0)).toThrowError(EngineLostError);
    expect(dataplane().lost).toBeUndefined();
  });
});
