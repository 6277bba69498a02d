OVERRIDES .= ":nat"
PN_SEEN := "${PN}"
L .= "-nat"
EX := "${BBCLASSEXTEND}"
