"""`driver.py` with a peer that needs no PyTorch: a batch's result is its size, thrice. `crash` ends the process."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import driver


class StandIn:
    def __init__(self, peer, path):
        if peer != "stand-in":
            raise ValueError(f"a peer is stand-in; {peer} given")
        print("talk of a library")
        self.why = f"a stand-in at {path}"


def measured(subject, prepared, batch, what, seconds):
    if what == "crash":
        os._exit(3)
    if what == "fail":
        raise RuntimeError("out of memory")
    print("more talk")
    return {"type": "measured", "calls": 2, "seconds": seconds, "sample": [batch] * 3}


driver.serve(sys.argv[2], sys.stdin, lambda line: print(line, flush=True), StandIn, measured)
