"""``python -m corank``: the same as the ``corank`` command."""

import sys

from corank.cli import main

if __name__ == "__main__":
    sys.exit(main())
