"""A stranger's key schedule for an IKEv2 handshake: RFC 7296 sections 2.13 to 2.18 written down again with hashlib alone.

Reads one JSON object of hex strings on stdin, writes one on stdout.
"""
import hashlib
import hmac
import json
import sys


HASH = "sha256"


def prf(key, data):
    return hmac.new(key, data, HASH).digest()


def prf_plus(key, seed, length):
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = prf(key, block + seed + bytes([counter]))
        output += block
        counter += 1
    return output[:length]


def cut(octets, lengths):
    pieces = []
    for length in lengths:
        pieces.append(octets[:length])
        octets = octets[length:]
    return pieces


def main():
    global HASH
    read = json.load(sys.stdin)
    HASH = read.pop("hash")
    prf_length, mac, cipher, esp = read.pop("sizes")
    given = {name: bytes.fromhex(value) for name, value in read.items()}
    lengths = [prf_length, mac, mac, cipher, cipher, prf_length, prf_length]
    nonces = given["ni"] + given["nr"]
    spis = given["spii"] + given["spir"]
    skeyseed = prf(nonces, given["shared_secret"])
    keys = cut(prf_plus(skeyseed, nonces + spis, sum(lengths)), lengths)
    sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr = keys
    child = cut(prf_plus(sk_d, nonces, 2 * esp), [esp, esp])
    child_pfs = cut(prf_plus(sk_d, given["shared_secret"] + nonces, 2 * esp), [esp, esp])
    # The rekeying has its nonces the other way round.
    other = given["nr"] + given["ni"]
    rekeyed_seed = prf(sk_d, given["shared_secret"] + other)
    rekeyed = cut(prf_plus(rekeyed_seed, other + spis, sum(lengths)), lengths)
    pad = prf(given["psk"], b"Key Pad for IKEv2")
    auth_i = prf(pad, given["message1"] + given["nr"] + prf(sk_pi, given["idi"]))
    auth_r = prf(pad, given["message2"] + given["ni"] + prf(sk_pr, given["idr"]))
    result = {
        "sk_d": sk_d,
        "sk_ai": sk_ai,
        "sk_ar": sk_ar,
        "sk_ei": sk_ei,
        "sk_er": sk_er,
        "sk_pi": sk_pi,
        "sk_pr": sk_pr,
        "child_initiator": child[0],
        "child_responder": child[1],
        "child_pfs_initiator": child_pfs[0],
        "child_pfs_responder": child_pfs[1],
        "rekeyed_d": rekeyed[0],
        "rekeyed_er": rekeyed[4],
        "rekeyed_pr": rekeyed[6],
        "auth_i": auth_i,
        "auth_r": auth_r,
    }
    json.dump({name: value.hex() for name, value in result.items()}, sys.stdout)


main()
