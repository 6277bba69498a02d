addhandler h1 h2
h1[eventmask] = "bb.event.RecipePreFinalise bb.event.RecipeParsed"
python h1() {
    e.data.appendVar("SEEN", " h1-" + bb.event.getName(e))
}
python h2() {
    d.appendVar("SEEN", " h2-" + bb.event.getName(e))
}
inherit_defer dd
SEEN = ""
python () {
    d.appendVar("SEEN", " anon")
}
A_${X} = "1"
X = "x"
