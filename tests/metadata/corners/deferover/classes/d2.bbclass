A .= " d2"
A:append = " a2"
A2 ?= "from class"
