/**
 * Notify and Delete payloads: what one end tells the other about errors, capabilities and SAs that are gone.
 * RFC 7296 sections 3.10 and 3.11.
 */
import { ok } from '../../model/result.ts';
import { firstStatusNotifyType, notifyTypes, payloadTypes, protocolIds } from './iana-numbers.ts';
import type { PayloadValue } from './payload-chain.ts';
import { type Parsed, readUint16, readUint32, syntaxError, writeUint16, writeUint32 } from './syntax.ts';

export interface Notify {
  readonly type: number;
  readonly protocolId: number;
  /** Empty unless the notification is about one CHILD SA. */
  readonly spi: Uint8Array;
  readonly data: Uint8Array;
}

/** Reads a Notify payload's body; SPI and data are borrowed from it. */
export function parseNotify(body: Uint8Array): Parsed<Notify> {
  if (body.length < 4) return syntaxError(`expected at least 4 octets of Notify, found ${body.length}`);
  const spiOctets = body[1] ?? 0;
  if (body.length < 4 + spiOctets) {
    return syntaxError(`expected an SPI of ${spiOctets} octets in Notify, found ${body.length - 4}`);
  }
  return ok({
    type: readUint16(body, 2),
    protocolId: body[0] ?? 0,
    spi: body.subarray(4, 4 + spiOctets),
    data: body.subarray(4 + spiOctets),
  });
}

/** A Notify payload about the IKE SA or no SA at all: protocol 0 and no SPI, as RFC 7296 section 3.10 wants. */
export function encodeNotify(type: number, data: Uint8Array = new Uint8Array(0)): PayloadValue {
  const body = new Uint8Array(4 + data.length);
  writeUint16(body, 2, type);
  body.set(data, 4);
  return { type: payloadTypes.notify, body };
}

/** A Notify payload about one ESP SA, named by its SPI: REKEY_SA and CHILD_SA_NOT_FOUND. */
export function encodeEspNotify(type: number, spi: number): PayloadValue {
  const body = new Uint8Array(8);
  body[0] = protocolIds.esp;
  body[1] = 4;
  writeUint16(body, 2, type);
  writeUint32(body, 4, spi);
  return { type: payloadTypes.notify, body };
}

/** True for notifications that refuse something, false for those that only say something. */
export function isErrorNotify(type: number): boolean {
  return type < firstStatusNotifyType;
}

/** Data of INVALID_KE_PAYLOAD: the key exchange method that its sender wants (RFC 7296 section 3.10.1). */
export function encodeInvalidKe(method: number): PayloadValue {
  const data = new Uint8Array(2);
  writeUint16(data, 0, method);
  return encodeNotify(notifyTypes.invalidKePayload, data);
}

/** Reads the data of INVALID_KE_PAYLOAD. */
export function parseInvalidKe(data: Uint8Array): Parsed<number> {
  if (data.length === 2) return ok(readUint16(data, 0));
  return syntaxError(`expected 2 octets in INVALID_KE_PAYLOAD, found ${data.length}`);
}

export interface Delete {
  /** `protocolIds.ike` (then there are no SPIs: the IKE SA itself), `.ah` or `.esp`. */
  readonly protocolId: number;
  /** SPIs that the sender of the payload expects on packets it receives. */
  readonly spis: readonly number[];
}

/** Reads a Delete payload's body. */
export function parseDelete(body: Uint8Array): Parsed<Delete> {
  if (body.length < 4) return syntaxError(`expected at least 4 octets of Delete, found ${body.length}`);
  const protocolId = body[0] ?? 0;
  const spiOctets = body[1] ?? 0;
  const count = readUint16(body, 2);
  const expectedSpiOctets = protocolId === protocolIds.ike ? 0 : 4;
  if (spiOctets !== expectedSpiOctets) {
    return syntaxError(
      `expected SPIs of ${expectedSpiOctets} octets in Delete of protocol ${protocolId}, found ${spiOctets}`,
    );
  }
  if (body.length !== 4 + spiOctets * count || (protocolId === protocolIds.ike && count !== 0)) {
    return syntaxError(`expected ${count} SPIs in Delete, found ${body.length - 4} octets`);
  }
  const spis: number[] = [];
  for (let index = 0; index < count; index++) spis.push(readUint32(body, 4 + index * 4));
  return ok({ protocolId, spis });
}

/** A Delete payload for the IKE SA that carries it, and with it for its CHILD SAs. */
export function encodeDeleteIkeSa(): PayloadValue {
  return { type: payloadTypes.delete, body: Uint8Array.of(protocolIds.ike, 0, 0, 0) };
}

/** A Delete payload for ESP SAs, by the SPIs on which this end receives. */
export function encodeDeleteEsp(spis: readonly number[]): PayloadValue {
  const body = new Uint8Array(4 + spis.length * 4);
  body[0] = protocolIds.esp;
  body[1] = 4;
  writeUint16(body, 2, spis.length);
  spis.forEach((spi, index) => {
    writeUint32(body, 4 + index * 4, spi);
  });
  return { type: payloadTypes.delete, body };
}
