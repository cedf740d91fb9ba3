"""A stranger's key schedule for an IKEv2 handshake: RFC 7296 sections 2.13 to 2.17 written down again with hashlib alone.

Reads one JSON object of hex strings on stdin, writes one on stdout.
"""
import hashlib
import hmac
import json
import sys


def prf(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def prf_plus(key, seed, length):
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = prf(key, block + seed + bytes([counter]))
        output += block
        counter += 1
    return output[:length]


def main():
    given = {name: bytes.fromhex(value) for name, value in json.load(sys.stdin).items()}
    nonces = given["ni"] + given["nr"]
    skeyseed = prf(nonces, given["shared_secret"])
    keys = prf_plus(skeyseed, nonces + given["spii"] + given["spir"], 32 + 36 + 36 + 32 + 32)
    sk_d, sk_ei, sk_er = keys[0:32], keys[32:68], keys[68:104]
    sk_pi, sk_pr = keys[104:136], keys[136:168]
    keymat = prf_plus(sk_d, nonces, 72)
    pad = prf(given["psk"], b"Key Pad for IKEv2")
    auth_i = prf(pad, given["message1"] + given["nr"] + prf(sk_pi, given["idi"]))
    auth_r = prf(pad, given["message2"] + given["ni"] + prf(sk_pr, given["idr"]))
    result = {
        "sk_d": sk_d,
        "sk_ei": sk_ei,
        "sk_er": sk_er,
        "sk_pi": sk_pi,
        "sk_pr": sk_pr,
        "child_initiator": keymat[0:36],
        "child_responder": keymat[36:72],
        "auth_i": auth_i,
        "auth_r": auth_r,
    }
    json.dump({name: value.hex() for name, value in result.items()}, sys.stdout)


main()
