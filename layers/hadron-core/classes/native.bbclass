# Programs and libraries for the build: made by the build host's compiler, installed in /hb/native, seen by the recipes that
# name them in DEPENDS. Either a recipe inherits this class, or it says BBCLASSEXTEND = "native".

HB_RECIPE_KIND = "native"
CLASSOVERRIDE = "class-native"
PACKAGES = ""

prefix = "${STAGING_DIR_NATIVE}/usr"
sysconfdir = "${STAGING_DIR_NATIVE}/etc"
localstatedir = "${STAGING_DIR_NATIVE}/var"
sharedstatedir = "${STAGING_DIR_NATIVE}/var/lib"
runtimedir = "${STAGING_DIR_NATIVE}/run"

HOST_ARCH = "${BUILD_ARCH}"
HOST_OS = "${BUILD_OS}"
HOST_SYS = "${BUILD_SYS}"
HOST_PREFIX = ""
TOOLCHAIN_OPTIONS = ""
STAGING_DIR_HOST = "${STAGING_DIR_NATIVE}"

CPPFLAGS = "${BUILD_CPPFLAGS}"
CFLAGS = "${BUILD_CFLAGS}"
CXXFLAGS = "${BUILD_CXXFLAGS}"
LDFLAGS = "${BUILD_LDFLAGS}"

# What the host's compiler makes depends on the host; so does the hash of what it compiles.
export HB_BUILD_HOST = "${@hb_build_host(d)}"
HB_BUILD_HOST[vardepvalue] = "${HB_BUILD_HOST}"

def hb_build_host(d):
    values = {}
    path = "/etc/os-release"
    bb.parse.mark_dependency(d, path)
    if os.path.exists(path):
        with open(path) as release:
            for line in release:
                name, _, value = line.strip().partition("=")
                values[name] = value.strip("\"'")
    return "-".join((values.get("ID", "unknown"), values.get("VERSION_ID", "rolling"), os.uname()[4]))

# In a recipe that is extended, the names of DEPENDS and PROVIDES are those of the target's.
python() {
    if "native" not in (d.getVar("BBCLASSEXTEND") or "").split():
        return
    def native(name):
        return name if name.endswith(("-native", "-cross")) or name.startswith("virtual/") else name + "-native"
    for variable in ("DEPENDS", "PROVIDES"):
        d.setVar(variable, " ".join(native(name) for name in (d.getVar(variable) or "").split()))
}

deltask do_package do_package_qa
