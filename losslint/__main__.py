"""``python -m losslint``."""

import sys

from losslint.cli import main

if __name__ == "__main__":
    sys.exit(main())
