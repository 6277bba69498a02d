python again() {
    e.data.setVar("BB_INVALIDCONF", True)
}
again[eventmask] = "bb.event.ConfigParsed"
addhandler again
