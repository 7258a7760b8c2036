"""Other libraries' recommenders on the same cases, each in a process of its own.

Such a process is given what `exchange.Given` holds, by ``python -m benchmarks.peers.NAME FOLDER``,
and needs nothing of corank: RecTools asks for an older numpy than corank does, so it lives in
another environment (``make peers``). What a peer leaves is a vector per history and per item.
"""
