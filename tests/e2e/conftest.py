"""Lets the tests of this directory use the servers of ``tests/remotes``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "remotes"))
