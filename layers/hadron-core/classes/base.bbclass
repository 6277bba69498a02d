# The tasks of every recipe, from fetching to what other recipes see.

inherit logging

BASEDEPENDS ?= "${@'' if d.getVar('INHIBIT_DEFAULT_DEPS') else 'virtual/cross-cc virtual/libc'}"
BASEDEPENDS:class-native = ""
BASEDEPENDS:class-cross = ""
DEPENDS:prepend = "${BASEDEPENDS} "

# make takes its jobs from the engine's job server, if there is one.
oe_runmake() {
    case " $MAKEFLAGS " in
    *jobserver*) jobs= ;;
    *) jobs="${PARALLEL_MAKE}" ;;
    esac
    bbnote ${MAKE} $jobs ${EXTRA_OEMAKE} "$@"
    ${MAKE} $jobs ${EXTRA_OEMAKE} "$@" || die "make failed"
}

# For build systems that start ninja: one with a job server protocol of its own.
hb_ninja() {
    if [ -n "$HB_JOBSERVER_FIFO" ]; then
        MAKEFLAGS="-j --jobserver-auth=fifo:$HB_JOBSERVER_FIFO" ninja -v "$@" || die "ninja failed"
    else
        ninja -v ${PARALLEL_MAKE} "$@" || die "ninja failed"
    fi
}

do_fetch[builtin] = "fetch"
do_fetch[vardeps] += "SRC_URI"
do_fetch() {
    :
}
addtask fetch

do_unpack[dirs] = "${WORKDIR}"
do_unpack[cleandirs] = "${UNPACKDIR}"
do_unpack[vardeps] += "WORKDIR UNPACKDIR S SRC_URI"
python do_unpack() {
    hb.unpack.run(d)
}
addtask unpack after do_fetch

do_patch[dirs] = "${WORKDIR}"
do_patch[vardeps] += "WORKDIR UNPACKDIR S SRC_URI PATCH_FUZZ"
python do_patch() {
    hb.patch.run(d)
}
addtask patch after do_unpack

do_configure[dirs] = "${B}"
do_configure[sysroot-depends] = "${DEPENDS}"
base_do_configure() {
    :
}
addtask configure after do_patch

do_compile[dirs] = "${B}"
do_compile[sysroot-depends] = "${DEPENDS}"
base_do_compile() {
    if [ -e Makefile ] || [ -e makefile ] || [ -e GNUmakefile ]; then
        oe_runmake
    else
        bbnote "nothing to compile"
    fi
}
addtask compile after do_configure

do_install[dirs] = "${D} ${B}"
do_install[cleandirs] = "${D}"
do_install[sysroot-depends] = "${DEPENDS}"
do_install[sstate-inputdirs] = "${D}"
do_install[postfuncs] += "merge_usr"
base_do_install() {
    :
}
addtask install after do_compile

EXPORT_FUNCTIONS do_configure do_compile do_install

do_build[noexec] = "1"
do_build() {
    :
}
addtask build after do_install

inherit usrmerge staging
