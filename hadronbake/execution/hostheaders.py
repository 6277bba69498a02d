"""What the C library, the C++ library and the kernel put into ``/usr/include``, by the names at its top.

A fact about glibc, musl and the kernel's exported headers; ``sandbox`` leaves only these of the host's headers in sight of
the recipes for the target.
"""

TOP_LEVEL = frozenset(
    """
    a.out.h aio.h aliases.h alloca.h alltypes.h ar.h argp.h argz.h arpa asm asm-generic assert.h bits byteswap.h c++
    complex.h cpio.h ctype.h cxl dirent.h dlfcn.h drm elf.h endian.h envz.h err.h errno.h error.h execinfo.h
    fcntl.h features-time64.h features.h fenv.h finclude float.h fmtmsg.h fnmatch.h fpu_control.h fstab.h fts.h ftw.h
    fwctl gconv.h getopt.h glob.h gnu gnu-versions.h grp.h gshadow.h iconv.h ieee754.h ifaddrs.h inttypes.h iso646.h
    langinfo.h lastlog.h libgen.h libintl.h limits.h link.h linux locale.h malloc.h math.h mcheck.h memory.h misc
    mntent.h monetary.h mqueue.h mtd net netash netatalk netax25 netdb.h neteconet netinet netipx netiucv netpacket
    netrom netrose nfs nl_types.h nss.h obstack.h paths.h poll.h printf.h proc_service.h protocols pthread.h pty.h
    pwd.h rdma re_comp.h regex.h regexp.h regset.h resolv.h rpc rpcsvc sched.h scsi search.h semaphore.h setjmp.h
    sgtty.h shadow.h signal.h sound spawn.h stab.h stdalign.h stdarg.h stdbool.h stdc-predef.h stddef.h stdint.h
    stdio.h stdio_ext.h stdlib.h stdnoreturn.h string.h strings.h stropts.h sys syscall.h sysexits.h syslog.h tar.h
    termio.h termios.h tgmath.h thread_db.h threads.h time.h ttyent.h uchar.h ucontext.h ulimit.h unistd.h ustat.h
    utime.h utmp.h utmpx.h values.h video wait.h wchar.h wctype.h wordexp.h xen
    """.split()  # noqa: SIM905 -- a list literal would take a line for each
)
