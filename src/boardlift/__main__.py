"""`python -m boardlift`."""

import sys

from boardlift.cli import main

if __name__ == "__main__":
    sys.exit(main())
