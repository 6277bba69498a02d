CFLAGS = ""
DEPENDS = "a"
DEPENDS:append = " b ${@[].pop()}"
