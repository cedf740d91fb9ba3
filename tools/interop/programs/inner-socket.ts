/** A UDP socket of the setting protocol at an inner address of the channel, as a program beside strongSwan opens it. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { innerAddress } from '../../../host/channel/inner-address.ts';
import { encodeMessage } from '../../../host/messages/codec.ts';
import { type Message, settingPort } from '../../../host/messages/message.ts';
import { formatAddress } from '../../../host/model/address.ts';

export class InnerSocket {
  readonly #socket: Socket;
  readonly #peer: string;

  private constructor(socket: Socket, peer: string) {
    this.#socket = socket;
    this.#peer = peer;
  }

  /** Binds to the inner address of `name`, which the machine has; `receive` gets the datagrams of `peer` and owns them. */
  static async open(
    name: string,
    peer: string,
    receive: (datagram: Uint8Array) => void,
  ): Promise<InnerSocket> {
    const socket = createSocket('udp6');
    const peerAddress = formatAddress(innerAddress(peer));
    socket.on('message', (datagram, from) => {
      if (from.address === peerAddress && from.port === settingPort) receive(datagram);
    });
    // Before the channel is there, and while it is being replaced, the network refuses.
    socket.on('error', () => undefined);
    socket.bind(settingPort, formatAddress(innerAddress(name)));
    await once(socket, 'listening');
    return new InnerSocket(socket, peerAddress);
  }

  send(message: Message): void {
    this.#socket.send(encodeMessage(message), settingPort, this.#peer, () => undefined);
  }
}
