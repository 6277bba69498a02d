V = "v"
F .= "a"
