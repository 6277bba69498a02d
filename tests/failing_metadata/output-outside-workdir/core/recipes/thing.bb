do_install[sstate-inputdirs] = "/somewhere"
