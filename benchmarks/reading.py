"""Our encoder in a process that only encodes, as a service does.

``python -m benchmarks.reading SYSTEM WHAT FOLDER``: see `benchmarks.peers.encoders.answer`.
"""

import sys
from pathlib import Path

from benchmarks.peers.encoders import answer, plain
from corank.compress.runtime import TextEncoder

if __name__ == "__main__":
    _, system, what, folder = sys.argv
    encoder = TextEncoder.load(Path(folder) / plain(system))
    answer(encoder.encode_items, system, what, Path(folder))
