# Compilers and their like: they run on the build host and work for the target.
inherit native

CLASSOVERRIDE = "class-cross"
BUILD_OPTIMIZATION = "-O1 -g0 -pipe"
# What they bring for the target is in ${D} beside ${D}/hb/native.
SYSROOT_DIRS:class-cross = "/usr/lib /usr/include"
