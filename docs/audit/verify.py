#!/usr/bin/env python3
"""Verifies an audit export of ModelRoute: verify.py FILE KEY (pip install cryptography)."""
import base64, hashlib, json, re, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

node = lambda left, right: hashlib.sha256(b"\x01" + left + right).digest()
def need(isTrue, sentence):
    if not isTrue: sys.exit(sentence)

def open_note(note, vkey):
    """C2SP signed-note: the text, where the key signed it."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key)[1:]
    need(hashlib.sha256(name.encode() + b"\n\x01" + key).hexdigest()[:8] == key_id, "the key is malformed")
    text, lines = note.rsplit("\n\n", 1)
    for line in lines.splitlines():
        _, signer, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if signer != name or signature[:4].hex() != key_id: continue
        try: Ed25519PublicKey.from_public_bytes(key).verify(signature[4:], (text + "\n").encode())
        except InvalidSignature: sys.exit("a signature is not of its text")
        return text.split("\n")
    sys.exit("not signed by the key that was given")

def cover(at, to):
    """The levels of the perfect subtrees that have the leaves [at, to)."""
    while at < to:
        level = 0
        while at % 2 ** (level + 1) == 0 and at + 2 ** (level + 1) <= to: level += 1
        yield level
        at += 2 ** level

def verify(lines, vkey):
    first = json.loads(next(lines))
    need(set(first) == {"checkpoint", "header", "modelroute_audit"}, "the first line has what is not signed")
    origin, size, root = open_note(first["checkpoint"], vkey)[:3]
    header = dict(line.split(" ", 1) for line in open_note(first["header"], vkey)[1:])
    size, (first_seq, last_seq) = int(size), map(int, header["sequences"].split())
    need(header["origin"] == origin == vkey.split("+")[0], "the checkpoint is of another log")
    need(header["tree"] == f"{size} {root}", "the header is of another checkpoint")
    edge, at, nodes, sequence, count = [], 0, [], first_seq - 1, 0  # edge: (level, hash) from left to right
    def put(level, digest):
        while edge and edge[-1][0] == level: level, digest = level + 1, node(edge.pop()[1], digest)
        edge.append((level, digest))
    def put_nodes(to):
        levels = list(cover(at, to))
        need(at <= to <= size and len(levels) == len(nodes), f"nodes are missing before leaf {to}")
        for level, digest in zip(levels, nodes): put(level, digest)
    for line in lines:
        given = json.loads(line)
        need(set(given) in ({"nodes"}, {"consistency"}, {"index", "leaf"}), "a line has what nobody proves")
        if "nodes" in given: nodes = [base64.b64decode(n) for n in given["nodes"]]
        if "leaf" not in given: continue
        leaf, index = given["leaf"], given["index"]
        written = re.fullmatch(r'\{"index":\d+,"leaf":(\{.*\})\}', line.rstrip("\n"))
        need(written and json.loads(written[1]) == leaf, "a line is not canonical")
        need(leaf["organization_id"] == header["organization"], "an event is of another organization")
        need(leaf["sequence"] == sequence + 1, f"event {sequence + 1} is missing")
        put_nodes(index)
        put(0, hashlib.sha256(b"\x00" + written[1].encode()).digest())
        at, nodes, sequence, count = index + 1, [], sequence + 1, count + 1
    need(count == int(header["events"]) and (count == 0 or sequence == last_seq), "events are missing")
    if count > 0:
        put_nodes(size)
        digest = edge.pop()[1]
        while edge: digest = node(edge.pop()[1], digest)
        need(base64.b64encode(digest).decode() == root, "the events are not those of the signed log")
    print(f"verified: {count} events of {header['organization']} in the log of {size} events")

verify(open(sys.argv[1], encoding="utf-8", newline="\n"), sys.argv[2])
