FW := "${@os.path.basename(d.getVar('FILE'))}"
