"""Seals and opens AH packets with Scapy, as an implementation that is not ours; jobs as in scapy_esp.py.

Scapy 2.5 zeroes mutable fields itself. Where it is not right, its own primitives do the rest, or the case is left out:

- AES-GMAC (RFC 4543 section 4) it does not know: GmacAlgo computes it with `cryptography` over Scapy's zeroed packet.
- A source route of IPv4 is zeroed, but the destination not predicted (RFC 4302 section 3.3.3.1.1.1): none is made here.
- Routing headers of IPv6 are put into their last form by a sender alone, all segments at once and even with none left:
  they are made for packets that Scapy seals, with every segment left.
"""

import json
import random
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.layers.inet import IP, UDP, IPOption
from scapy.layers.inet6 import (
    HBHOptUnknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH, AUTH_ALGOS, AuthAlgo, IPSecIntegrityError, SecurityAssociation, zero_mutable_fields
from scapy.packet import Raw

from scapy_esp import INTEGRITIES, ip_of, number, read, write


class GmacAlgo(AuthAlgo):
    """The ICV field is the IV and the tag; the IV is the sequence number, as ours, but its top bit says who made it."""

    def __init__(self, salt):
        super().__init__("AES-GMAC", mac=None, digestmod=None, icv_size=24)
        self.salt = salt

    def _field(self, packet, key, iv, high, sending):
        clone = zero_mutable_fields(packet.copy(), sending=sending)
        return iv + AESGCM(key).encrypt(self.salt + iv, b"", bytes(clone) + high)

    def sign(self, pkt, key, esn_en=False, esn=0):
        high = struct.pack("!L", esn) if esn_en else b""
        iv = struct.pack("!LL", 0x80000000 | (esn or 0), pkt[AH].seq)
        pkt[AH].icv = self._field(pkt, key, iv, high, True)
        return pkt

    def verify(self, pkt, key, esn_en=False, esn=0):
        high = struct.pack("!L", esn) if esn_en else b""
        whole = pkt[AH].icv
        pkt[AH].icv, pkt[AH].padding = whole[:24], whole[24:]
        if self._field(pkt, key, whole[:8], high, False) != whole[:24]:
            raise IPSecIntegrityError("ICV")


def association(sa):
    tunnel = None
    if sa["mode"] == "tunnel":
        header = IPv6 if ":" in sa["tunnel"]["source"] else IP
        tunnel = header(src=sa["tunnel"]["source"], dst=sa["tunnel"]["destination"])
    gmac = sa["proposal"].endswith("gmac")
    # Scapy wants a name and a key of the right length first.
    found = SecurityAssociation(
        AH,
        spi=number(sa["spi"]),
        auth_algo="NULL" if gmac else INTEGRITIES[sa["proposal"]],
        auth_key=None if gmac else bytes.fromhex(sa["authenticationKey"]),
        tunnel_header=tunnel,
        esn_en=sa.get("esn", False),
    )
    if gmac:
        found.auth_algo = GmacAlgo(bytes.fromhex(sa["salt"]))
        found.auth_key = bytes.fromhex(sa["encryptionKey"])
    return found


def seal(sa, packets):
    found = association(sa)
    sequence = number(sa.get("sequence", 1))
    for packet in packets:
        high, low = sequence >> 32, sequence & 0xFFFFFFFF
        found.seq_num = low  # Scapy takes an argument of 0 for none
        yield bytes(found.encrypt(ip_of(packet), seq_num=low, esn=high))
        sequence += 1


def open_packets(sa, packets):
    found = association(sa)
    sequence = number(sa.get("sequence", 1))
    high, last = sequence >> 32, sequence & 0xFFFFFFFF
    for octets in packets:
        packet = ip_of(octets)
        assert packet[AH].reserved == 0, packet
        if isinstance(packet, IP):
            built = packet.copy()
            del built.chksum
            assert IP(bytes(built)).chksum == packet.chksum, packet
            assert packet.id != 0, packet
            # What routers may change on the way.
            packet.ttl, packet.tos, packet.flags = 3, packet.tos & 3, 0
        else:
            packet.hlim, packet.fl = 3, 0x12345
        if packet[AH].seq < last:
            high += 1
        last = packet[AH].seq
        try:
            inner = found.decrypt(packet, esn=high)
        except Exception as error:  # Scapy's own integrity error, or cryptography's
            print(f"does not open: {type(error).__name__} {error}", file=sys.stderr)
            continue
        if sa["mode"] == "transport":
            # The header came as it travelled: back to what it was.
            before = ip_of(octets)
            if isinstance(before, IP):
                inner.ttl, inner.tos, inner.flags = before.ttl, before.tos, before.flags
                del inner.chksum
            else:
                inner.hlim, inner.fl = before.hlim, before.fl
        yield bytes(inner)


def ipv4_header(dice):
    # Router alert and security are immutable; record route and timestamp are filled in on the way (appendix A1).
    options = dice.sample(
        [
            b"\x94\x04\x00\x00",
            b"\x82\x0b" + dice.randbytes(9) + b"\x01",
            b"\x07\x07\x04" + dice.randbytes(4) + b"\x01",
            b"\x44\x08\x05\x00" + dice.randbytes(4),  # one is all that Scapy dissects
        ],
        dice.randrange(3),
    )
    return IP(
        src=f"10.1.{dice.randrange(256)}.{dice.randrange(1, 255)}",
        dst=f"10.2.{dice.randrange(256)}.{dice.randrange(1, 255)}",
        id=dice.randrange(1, 65536),
        ttl=dice.randrange(1, 256),
        tos=dice.randrange(256),
        flags=dice.choice([0, 2]),
        options=[IPOption(option) for option in options],
    )


def ipv6_header(dice, routing):
    header = IPv6(
        src=f"2001:db8:1::{dice.randrange(1, 65536):x}",
        dst=f"2001:db8:2::{dice.randrange(1, 65536):x}",
        hlim=dice.randrange(1, 256),
        tc=dice.randrange(256),
        fl=dice.randrange(1 << 20),
    )
    # Types with the bit 0x20 may change on the way, others not (RFC 8200 section 4.2).
    options = lambda: [HBHOptUnknown(otype=dice.choice([0x3E, 0x1E]), optdata=dice.randbytes(4)), PadN(optdata=b"\x00" * 6)]
    if dice.randrange(2):
        header = header / IPv6ExtHdrHopByHop(options=options())
    if routing and dice.randrange(2):
        hops = [f"2001:db8:3::{dice.randrange(1, 65536):x}" for _ in range(dice.randrange(1, 4))]
        header = header / IPv6ExtHdrRouting(addresses=hops, segleft=len(hops))
    elif dice.randrange(3) == 0:
        header = header / IPv6ExtHdrDestOpt(options=options())
    return header


def random_packet(dice, family, routing):
    header = ipv4_header(dice) if family == 4 else ipv6_header(dice, routing)
    size = dice.choice([0, 1, dice.randrange(64), dice.randrange(1300)])
    return bytes(header / UDP(sport=9, dport=9) / Raw(dice.randbytes(size)))


def work(job):
    if job["do"] == "plain":
        dice = random.Random(job["seed"])
        routing = job.get("routing", False)
        return write(job["out"], [random_packet(dice, job["family"], routing) for _ in range(job["count"])])
    do = seal if job["do"] == "seal" else open_packets
    return write(job["out"], do(job["sa"], read(job["in"])))


json.dump([work(job) for job in json.load(sys.stdin)], sys.stdout)
