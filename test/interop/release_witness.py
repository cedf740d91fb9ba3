"""A stranger's judgement of a repository: securesystemslib, on which python-tuf stands, checks what `sekisho release` published.

Canonical form, identifiers of keys and signatures are its own; thresholds and what refers to what are the specification's, written
down here once more. Prints JSON: how many signatures, files and hashes were found right. Ends with a traceback at the first that is not.
"""

import hashlib
import json
import os
import sys

from securesystemslib.formats import encode_canonical
from securesystemslib.keys import verify_signature

folder = sys.argv[1]
counts = {"roots": 0, "signatures": 0, "targets": 0}


def load(name):
    with open(os.path.join(folder, "metadata", name), "rb") as file:
        return file.read()


def canonical(value):
    return encode_canonical(value).encode()


def check(document, role, root):
    """Enough of those that `root` names for `role` have signed."""
    good = set()
    for signature in document["signatures"]:
        keyid = signature["keyid"]
        if keyid not in root["roles"][role]["keyids"]:
            continue
        key = root["keys"][keyid]
        assert keyid == hashlib.sha256(canonical(key)).hexdigest(), "identifier of a key"
        if verify_signature({**key, "keyid": keyid}, signature, canonical(document["signed"])):
            good.add(keyid)
            counts["signatures"] += 1
    assert len(good) >= root["roles"][role]["threshold"], role
    assert document["signed"]["_type"] == role
    return document["signed"]


def named(meta, octets):
    assert len(octets) == meta["length"]
    assert hashlib.sha256(octets).hexdigest() == meta["hashes"]["sha256"]


root = None
while os.path.exists(os.path.join(folder, "metadata", "%d.root.json" % (counts["roots"] + 1))):
    counts["roots"] += 1
    document = json.loads(load("%d.root.json" % counts["roots"]))
    if root is not None:
        check(document, "root", root)
    root = check(document, "root", document["signed"])
    assert root["version"] == counts["roots"] and root["consistent_snapshot"] is True

timestamp = check(json.loads(load("timestamp.json")), "timestamp", root)
meta = timestamp["meta"]["snapshot.json"]
octets = load("%d.snapshot.json" % meta["version"])
named(meta, octets)
snapshot = check(json.loads(octets), "snapshot", root)
meta = snapshot["meta"]["targets.json"]
octets = load("%d.targets.json" % meta["version"])
named(meta, octets)
targets = check(json.loads(octets), "targets", root)
for path, target in targets["targets"].items():
    directory, name = os.path.split(path)
    served = "%s.%s" % (target["hashes"]["sha256"], name)
    with open(os.path.join(folder, "targets", directory, served), "rb") as file:
        named(target, file.read())
    counts["targets"] += 1

print(json.dumps(counts))
