FK := "${FILE}"
KK := "${@os.path.basename(d.getVar("FILE", False))}"
