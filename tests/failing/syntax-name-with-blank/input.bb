FILES ${PN} = "/usr"
