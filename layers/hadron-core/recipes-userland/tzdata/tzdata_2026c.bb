SUMMARY = "Time zone data"
HOMEPAGE = "https://www.iana.org/time-zones"
LICENSE = "CC-PDDC"

SRC_URI = "https://www.iana.org/time-zones/repository/releases/tzdata${PV}.tar.gz;subdir=${BP}"
SRC_URI[sha256sum] = "e4a178a4477f3d0ea77cc31828ff72aa38feff8d61aa13e7e99e142e9d902be4"

INHIBIT_DEFAULT_DEPS = "1"

REGIONS = "africa antarctica asia australasia europe northamerica southamerica etcetera factory backward"

do_configure[noexec] = "1"

# The build host's zic; "slim" leaves out what the rule at a file's end says already, which musl and glibc understand.
do_compile() {
    rm -rf ${WORKDIR}/zoneinfo
    mkdir ${WORKDIR}/zoneinfo
    awk -v DATAFORM=main -v PACKRATDATA= -v PACKRATLIST= -f ziguard.awk ${REGIONS} > ${WORKDIR}/main.zi
    zic -b slim -d ${WORKDIR}/zoneinfo ${WORKDIR}/main.zi

    # zic makes a second name a hard link, which is a second file in an image; a symbolic link isn't.
    awk '$1 == "L" || $1 == "Link" { print $2, $3 }' ${WORKDIR}/main.zi | while read -r target name; do
        rm -f ${WORKDIR}/zoneinfo/$name
        ln -sr ${WORKDIR}/zoneinfo/$target ${WORKDIR}/zoneinfo/$name
    done

    awk -v dataform=main -v deps="ziguard.awk ${REGIONS} zishrink.awk" -v redo=posix_only -v version=${PV} -f zishrink.awk ${WORKDIR}/main.zi > ${WORKDIR}/zoneinfo/tzdata.zi
}

do_install() {
    install -d ${D}${datadir} ${D}${sysconfdir}
    cp -R --no-dereference --preserve=mode,links ${WORKDIR}/zoneinfo ${D}${datadir}/
    install -m 0644 ${S}/iso3166.tab ${S}/zone.tab ${S}/zone1970.tab ${S}/zonenow.tab ${S}/leapseconds ${S}/leap-seconds.list ${D}${datadir}/zoneinfo/
    ln -s ../usr/share/zoneinfo/Etc/UTC ${D}${sysconfdir}/localtime
}

PACKAGES = "${PN}"
FILES:${PN} = "${datadir}/zoneinfo ${sysconfdir}/localtime"
