# Results for the user, in build/deploy/images/<machine>.

do_deploy[dirs] = "${DEPLOYDIR}"
do_deploy[cleandirs] = "${DEPLOYDIR}"
do_deploy[sstate-inputdirs] = "${DEPLOYDIR}"
do_deploy[sstate-outputdirs] = "deploy/images/${MACHINE}"
addtask deploy after do_install before do_build
