"""How long our own layers take to parse: cold, warm, and after one recipe was touched. Run: .venv/bin/python benchmarks/parse.py

The baseline of the ratios is the cold parse in the same run. Figures are CPU seconds of the process and its children, the
smallest of RUNS.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 3
HBAKE = Path(sys.executable).with_name("hbake")


def cpu_seconds(topdir: Path) -> float:
    """CPU seconds of one `hbake parse` in a build directory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [HBAKE, "parse", "--build-dir", str(topdir)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    cold, warm, touched = [], [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as name:
            topdir = Path(name)
            layer = topdir / "extra"
            (layer / "conf").mkdir(parents=True)
            (layer / "conf/layer.conf").write_text(
                'BBPATH .= ":${LAYERDIR}"\nBBFILES += "${LAYERDIR}/*.bb"\nBBFILE_COLLECTIONS += "extra"\n'
                'BBFILE_PATTERN_extra = "^${LAYERDIR}/"\nBBFILE_PRIORITY_extra = "1"\n'
            )
            recipe = layer / "touched_1.0.bb"
            recipe.write_text('LICENSE = "MIT"\n')
            (topdir / "conf").mkdir()
            (topdir / "conf/bblayers.conf").write_text(
                'BBPATH = "${TOPDIR}:${HADRONBAKE_DIR}"\nBBFILES ?= ""\n'
                f'BBLAYERS = "${{HADRONBAKE_DIR}}/layers/hadron-core ${{HADRONBAKE_DIR}}/layers/debian-sources {layer}"\n'
            )
            cold.append(cpu_seconds(topdir))
            warm.append(cpu_seconds(topdir))
            recipe.write_text('LICENSE = "MIT"\nSUMMARY = "touched"\n')
            os.utime(recipe)
            touched.append(cpu_seconds(topdir))
    base = min(cold)
    for label, values in (("cold (baseline)", cold), ("warm", warm), ("one recipe touched", touched)):
        print(f"{label:20} {min(values):6.2f} s   {min(values) / base:5.2f} × cold")


if __name__ == "__main__":
    main()
