A .= " d1"
A:append = " a1"
A1 ?= "from class"
