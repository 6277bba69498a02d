from __future__ import annotations

import sys
from pathlib import Path

# The small site that examples are read in is that of the metadata's tests.
sys.path.append(str(Path(__file__).parent.parent / "metadata"))
