L .= "-def"
D2 := "${PN}"
