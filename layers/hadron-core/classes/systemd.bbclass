# Units of a package and whether they start by default, said by a preset file.
#
# SYSTEMD_SERVICE:${PN} names the units; SYSTEMD_AUTO_ENABLE is "enable" or "disable".
SYSTEMD_AUTO_ENABLE ??= "enable"

do_install[postfuncs] += "systemd_presets"
systemd_presets[vardeps] += "SYSTEMD_SERVICE:${PN} PN"
python systemd_presets() {
    import os

    units = (d.getVar("SYSTEMD_SERVICE:" + d.getVar("PN")) or "").split()
    if not units:
        return
    image = d.getVar("D")
    for unit in units:
        # A template's instance is made from the template.
        name, at, rest = unit.partition("@")
        file = name + "@." + rest.rpartition(".")[2] if at else unit
        places = [image + place + "/" + file for place in ("/usr/lib/systemd/system", "/usr/lib/systemd/user", "/etc/systemd/system", "/lib/systemd/system")]
        if not any(os.path.lexists(place) for place in places):
            bb.fatal("SYSTEMD_SERVICE names %s, but do_install put no such unit into /usr/lib/systemd/system" % unit)
    presets = image + "/usr/lib/systemd/system-preset"
    os.makedirs(presets, exist_ok=True)
    with open("%s/50-%s.preset" % (presets, d.getVar("PN")), "w") as file:
        for unit in units:
            file.write("%s %s\n" % (d.getVar("SYSTEMD_AUTO_ENABLE"), unit))
}
