CLASSOVERRIDE = "class-multi"
OVERRIDES .= ":virtclass-multilib-${BBEXTENDVARIANT}"
PN:append = "-${BBEXTENDVARIANT}"
