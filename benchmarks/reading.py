"""Our encoder in a process that only encodes, as a service does.

``python -m benchmarks.reading SYSTEM WHAT FOLDER``: see `benchmarks.peers.encoders.answer`.
"""

import sys
from pathlib import Path

from benchmarks.peers.encoders import Loaded, answer, megabytes
from corank.compress.runtime import TextEncoder

if __name__ == "__main__":
    _, system, what, folder = sys.argv
    place = Path(folder) / system
    encode = TextEncoder.load(place).encode_items
    answer(Loaded(encode, megabytes(place)), system, what, Path(folder))
