DEPENDS = "\
    a \
"
