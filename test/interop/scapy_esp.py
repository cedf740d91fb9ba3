"""Seals and opens ESP packets with Scapy, as an implementation that is not ours (Debian package python3-scapy).

Reads one JSON list of jobs from standard input and writes the list of their results to standard output, so that one
interpreter serves a whole test:

  {"do": "plain", "out": FILE, "family": 4 | 6, "count": N, "seed": S}      makes N random packets
  {"do": "seal", "sa": SA, "in": FILE, "out": FILE}                         result: number of packets
  {"do": "open", "sa": SA, "in": FILE, "out": FILE}                         result: number of packets that opened

SA is the JSON of `sekisho esp`. Two things Scapy 2.5 does not do, and are done here around it with its own primitives:
the high half of an extended sequence number in an HMAC (RFC 4303 section 2.2.1), and whole UDP encapsulation
(RFC 3948; its nat_t_header leaves a wrong length).
"""

import json
import random
import re
import struct
import sys

from cryptography.hazmat.primitives.ciphers import algorithms, modes
from scapy.config import conf
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrHopByHop, PadN
from scapy.layers.ipsec import (
    AUTH_ALGOS,
    CRYPT_ALGOS,
    ESP,
    AuthAlgo,
    CryptAlgo,
    IPSecIntegrityError,
    SecurityAssociation,
)
from scapy.packet import Raw
from scapy.utils import PcapReader, PcapWriter

conf.verb = 0

# Scapy's names for the parts of a proposal.
CIPHERS = {
    "aes": "AES-CBC",
    "aesctr": "AES-CTR",
    "aesccm": "AES-CCM",
    "aesgcm": "AES-GCM",
    "chachapoly": "CHACHA20-POLY1305",
    "3des": "3DES",
    "des": "DES",
    "null": "NULL",
}
INTEGRITIES = {
    "sha1": "HMAC-SHA1-96",
    "sha256": "SHA2-256-128",
    "sha384": "SHA2-384-192",
    "sha512": "SHA2-512-256",
    "aescmac": "AES-CMAC-96",
    "md5": "HMAC-MD5-96",
}

# Scapy's AES-GCM cuts no ICV short, but its form for the ciphers of an older `cryptography` does.
for octets in (8, 12):
    CRYPT_ALGOS[f"AES-GCM-{octets}"] = CryptAlgo(
        f"AES-GCM-{octets}",
        cipher=algorithms.AES,
        mode=modes.GCM,
        block_size=1,
        iv_size=8,
        icv_size=octets,
        salt_size=4,
        format_mode_iv=lambda sa, iv, **_: sa.crypt_salt + iv,
    )


def suite_of(proposal):
    """Scapy's cipher, its ICV length where it is not the usual one, and the integrity algorithm."""
    combined = re.fullmatch(r"aes\d{3}(gcm|ccm)(8|12|16)", proposal)
    if combined:
        mode, icv = combined[1], int(combined[2])
        if mode == "gcm" and icv < 16:
            return f"AES-GCM-{icv}", None, None
        return CIPHERS[f"aes{mode}"], icv, None
    cipher, _, integrity = proposal.partition("-")
    name = cipher if cipher == "3des" else re.sub(r"\d", "", cipher)
    return CIPHERS[name], None, INTEGRITIES.get(integrity)


class ExtendedAuthAlgo(AuthAlgo):
    """MAC over the ESP packet and the high half of its sequence number, which is not transmitted."""

    def __init__(self, plain):
        super().__init__(plain.name, plain.mac, plain.digestmod, plain.icv_size, plain.key_size)
        self.high = 0

    def _icv(self, octets, key):
        mac = self.new_mac(key)
        mac.update(octets + struct.pack("!L", self.high))
        return mac.finalize()[: self.icv_size]

    def sign(self, pkt, key, esn_en=False, esn=0):
        pkt[ESP].data += self._icv(bytes(pkt[ESP]), key)
        return pkt

    def verify(self, pkt, key, esn_en=False, esn=0):
        octets = bytes(pkt[ESP])
        if self._icv(octets[: -self.icv_size], key) != octets[-self.icv_size :]:
            raise IPSecIntegrityError("ICV")


def number(value):
    return value if isinstance(value, int) else int(value, 0)


def association(sa):
    """Scapy's SA, and its integrity algorithm where that must be told the high half of the sequence number."""
    cipher, icv_size, integrity = suite_of(sa["proposal"])
    tunnel = None
    if sa["mode"] == "tunnel":
        header = IPv6 if ":" in sa["tunnel"]["source"] else IP
        tunnel = header(src=sa["tunnel"]["source"], dst=sa["tunnel"]["destination"])
    found = SecurityAssociation(
        ESP,
        spi=number(sa["spi"]),
        crypt_algo=cipher,
        crypt_icv_size=icv_size,
        crypt_key=bytes.fromhex(sa["encryptionKey"] + sa.get("salt", "")),
        auth_algo=integrity,
        auth_key=bytes.fromhex(sa.get("authenticationKey", "")) or None,
        tunnel_header=tunnel,
        esn_en=sa.get("esn", False),
    )
    extended = None
    if sa.get("esn", False) and integrity is not None:
        extended = ExtendedAuthAlgo(AUTH_ALGOS[integrity])
        found.auth_algo = extended
    return found, extended


def ip_of(octets):
    return IPv6(octets) if octets[0] >> 4 == 6 else IP(octets)


def carrying(packet, protocol, payload):
    """The header of `packet`, extension headers included, over another payload; built anew, so lengths and sums are right."""
    last = packet
    while isinstance(last.payload, IPv6ExtHdrHopByHop):
        last = last.payload
    last.remove_payload()
    if isinstance(last, IP):
        last.proto = protocol
        del last.len, last.chksum
    else:
        last.nh = protocol
        del packet.plen
    return bytes(packet / payload)


def payload_of(packet):
    while isinstance(packet.payload, IPv6ExtHdrHopByHop):
        packet = packet.payload
    return packet.payload


def seal(sa, packets):
    found, extended = association(sa)
    sequence = number(sa.get("sequence", 1))
    for packet in packets:
        high, low = sequence >> 32, sequence & 0xFFFFFFFF
        if extended is not None:
            extended.high = high
        found.seq_num = low  # Scapy takes an argument of 0 for none
        octets = bytes(found.encrypt(ip_of(packet), seq_num=low, esn=high))
        if "udpEncapsulation" in sa:
            outer = ip_of(octets)
            ports = sa["udpEncapsulation"]
            # RFC 3948 section 2.1: the checksum is zero over IPv4; over IPv6 it may not be (RFC 8200 section 8.1).
            checksum = {"chksum": 0} if isinstance(outer, IP) else {}
            udp = UDP(sport=ports["sourcePort"], dport=ports["destinationPort"], **checksum)
            octets = carrying(outer, 17, udp / Raw(bytes(payload_of(outer))))
        yield octets
        sequence += 1


def open_packets(sa, packets):
    found, extended = association(sa)
    sequence = number(sa.get("sequence", 1))
    high = sequence >> 32
    last = sequence & 0xFFFFFFFF
    for octets in packets:
        packet = ip_of(octets)
        if "udpEncapsulation" in sa:
            udp = payload_of(packet)
            ports = sa["udpEncapsulation"]
            assert isinstance(udp, UDP), packet
            assert (udp.sport, udp.dport) == (ports["sourcePort"], ports["destinationPort"]), udp
            assert udp.len == len(bytes(udp)), udp
            if isinstance(packet, IP):
                assert udp.chksum == 0, udp
            else:
                built = UDP(sport=udp.sport, dport=udp.dport) / Raw(bytes(udp.payload))
                assert carrying(ip_of(octets), 17, built) == octets, udp
            packet = ip_of(carrying(packet, 50, Raw(bytes(udp.payload))))
        if isinstance(packet, IP):
            built = packet.copy()
            del built.chksum
            assert IP(bytes(built)).chksum == packet.chksum, packet
        low = packet[ESP].seq
        if low < last:
            high += 1
        last = low
        if extended is not None:
            extended.high = high
        try:
            yield bytes(found.decrypt(packet, esn=high))
        except Exception as error:  # Scapy's own integrity error, or cryptography's
            print(f"does not open: {type(error).__name__} {error}", file=sys.stderr)


def random_packet(dice, family):
    size = dice.choice([0, 1, dice.randrange(64), dice.randrange(1300), dice.randrange(1300)])
    payload = Raw(dice.randbytes(size))
    if family == 4:
        header = IP(
            src=f"10.1.{dice.randrange(256)}.{dice.randrange(1, 255)}",
            dst=f"10.2.{dice.randrange(256)}.{dice.randrange(1, 255)}",
            id=dice.randrange(65536),
            ttl=dice.randrange(1, 256),
            tos=dice.randrange(256),
            flags=dice.choice([0, 2]),
            options=dice.choice([[], [b"\x94\x04\x00\x00"]]),
        )
        echo = ICMP(type=8, id=dice.randrange(65536), seq=dice.randrange(65536))
    else:
        header = IPv6(
            src=f"2001:db8:1::{dice.randrange(1, 65536):x}",
            dst=f"2001:db8:2::{dice.randrange(1, 65536):x}",
            hlim=dice.randrange(1, 256),
            tc=dice.randrange(256),
            fl=dice.randrange(1 << 20),
        )
        if dice.randrange(4) == 0:
            header = header / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\x00" * 4)])
        echo = ICMPv6EchoRequest(id=dice.randrange(65536), seq=dice.randrange(65536))
    # Port 9 is discard: tshark takes random octets on other ports for broken packets, and then says nothing of the ICV.
    ports = {"sport": 9, "dport": 9}
    body = dice.choice([echo, UDP(**ports), TCP(**ports, seq=dice.randrange(1 << 32), flags="PA")])
    return bytes(header / body / payload)


def read(path):
    with PcapReader(path) as reader:
        return [bytes(packet) for packet in reader]


def write(path, packets):
    writer = PcapWriter(path, linktype=101)
    writer.write_header(None)
    count = 0
    for octets in packets:
        # A time of its own for each packet: whoever passes it on must keep it.
        writer._write_packet(octets, sec=1_700_000_000 + count, usec=count)
        count += 1
    writer.close()
    return count


def work(job):
    if job["do"] == "plain":
        dice = random.Random(job["seed"])
        return write(job["out"], [random_packet(dice, job["family"]) for _ in range(job["count"])])
    do = seal if job["do"] == "seal" else open_packets
    return write(job["out"], do(job["sa"], read(job["in"])))


if __name__ == "__main__":
    json.dump([work(job) for job in json.load(sys.stdin)], sys.stdout)
