A .= " d4"
A:append = " a4"
A4 ?= "from class"
