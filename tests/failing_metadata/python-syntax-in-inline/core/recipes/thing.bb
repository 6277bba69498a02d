DEPENDS = "a ${@bb.utils.contains('A', 'b', 'c' 'd', d))} b"
