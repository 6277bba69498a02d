python check_it() {
    x = {}
    return x['key']
}
check_it[eventmask] = "bb.event.RecipeParsed"
addhandler check_it
