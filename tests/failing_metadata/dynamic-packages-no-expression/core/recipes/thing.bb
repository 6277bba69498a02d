CFLAGS = ""
PACKAGES_DYNAMIC = "^thing-("
