"""GRUB's script run by bash: enough of it for the menus here. Its ``set`` and its entries are the two things that differ."""

import re
import subprocess
from pathlib import Path

BEFORE = """
set() { [ $# -eq 0 ] || printf -v "${1%%=*}" %s "${1#*=}"; }
load_env() { while IFS='=' read -r name value; do [[ $name =~ ^[a-z_]+$ ]] && printf -v "$name" %s "$value"; done < "$block"; }
save_env() {
    for name; do
        content=$(sed -n '/^[a-z_]*=/p' "$block" | grep -v "^$name=")
        printf '# GRUB Environment Block\\n%s\\n%s=%s\\n' "$content" "$name" "${!name}" > "$block"
    done
}
serial() { false; }
linux() { [ -e "$boot$1" ] && echo "$*"; }
"""


def boot(config: str, boot: Path) -> str:
    """The command line that GRUB gives to the kernel ("" if it can't start any). The block is ``grub/grubenv`` below ``boot``."""
    number = iter(range(100))
    script = re.sub(r'(?m)^menuentry ".*" \{$', lambda _: f"entry_{next(number)}() {{", config)
    script = re.sub(r"(?m)^( *)set (\w+)=$", r"\1set \2=''", script)
    # The default entry, and the other one if its kernel can't be loaded.
    run = 'if ! "entry_$default"; then "entry_$fallback"; fi'
    done = subprocess.run(
        ["bash", "-c", BEFORE + script + run],
        env={"PATH": "/usr/bin:/bin", "block": str(boot / "grub/grubenv"), "boot": str(boot)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout.strip()
