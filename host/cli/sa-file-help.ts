/** What the JSON file of an SA holds, for `--help`; docs/cli.md says the same at length. */
export const saFileHelp = `
The SA, as JSON:
  protocol          "esp" or "ah"; default "esp"
  mode              "tunnel" or "transport"
  proposal          chacha20poly1305, aes256gcm16, aes128gcm16, or one of aes256, aes192, aes128, null
                    with one of sha512, sha384, sha256, sha1: aes256-sha256;
                    with "ah": sha512, sha384, sha256, sha1, aescmac, or aes128gmac
  spi               number or "0x…"
  encryptionKey     hexadecimal, without salt; left out where the proposal has none
  authenticationKey hexadecimal; left out for GCM and ChaCha20-Poly1305
  salt              hexadecimal, 4 octets; GCM and ChaCha20-Poly1305 only
  esn               true for extended (64-bit) sequence numbers; default false
  sequence          first sequence number; default 1
  tunnel            {"source": …, "destination": …}, the outer addresses; tunnel mode only
  udpEncapsulation  {"sourcePort": 4500, "destinationPort": 4500}; left out for raw ESP and AH

{"protocol": "esp", "mode": "tunnel", "proposal": "aes128gcm16", "spi": "0x1000",
 "encryptionKey": "000102030405060708090a0b0c0d0e0f", "salt": "10111213", "esn": true, "sequence": 1,
 "tunnel": {"source": "192.0.2.1", "destination": "192.0.2.2"}}`;
