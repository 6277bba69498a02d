inherit numbers
COUNT = "${@count_of(d, 'ITEMS')}"
DEPENDS = "lib${COUNT}"
