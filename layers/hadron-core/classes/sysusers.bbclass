# Users and groups that a package needs, for systemd-sysusers. SYSUSERS: lines of sysusers.d(5), separated by `;`.

do_install[postfuncs] += "sysusers_install"
python sysusers_install() {
    import os

    lines = [line.strip() for line in (d.getVar("SYSUSERS") or "").split(";") if line.strip()]
    if not lines:
        bb.fatal("the class sysusers is inherited, but SYSUSERS is empty")
    directory = d.getVar("D") + "/usr/lib/sysusers.d"
    os.makedirs(directory, exist_ok=True)
    with open("%s/%s.conf" % (directory, d.getVar("BPN")), "w") as file:
        file.write("\n".join(lines) + "\n")
}
