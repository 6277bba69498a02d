"""Run a command and all that it leaves behind, and write as JSON what they used. Run by ``speed.py``, as: measured.py OUT COMMAND…

BitBake's server is a daemon: as nobody waits for it, its time counts nowhere. Here it becomes our child.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def main(out: str, command: list[str]) -> int:
    """The exit status of the command. ``cpu``, ``wall``: seconds; ``memory``: bytes of the largest of the processes."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    started = time.monotonic()
    status = subprocess.run(command, stdout=sys.stderr).returncode
    wall = time.monotonic() - started
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {"cpu": used.ru_utime + used.ru_stime, "wall": wall, "memory": used.ru_maxrss * 1024}
    Path(out).write_text(json.dumps(found))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
