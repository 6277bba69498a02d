A = "${B}"
B = "${A}"
DEPENDS = "${A}"
