python () {
    raise bb.parse.SkipRecipe("not c")
}
