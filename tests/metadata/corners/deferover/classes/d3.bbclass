A .= " d3"
A:append = " a3"
A3 ?= "from class"
