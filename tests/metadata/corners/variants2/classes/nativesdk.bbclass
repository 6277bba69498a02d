CLASSOVERRIDE = "class-nativesdk"
python () {
    d.setVar("PN", "sdk-" + d.getVar("PN"))
}
