python () {
    raise bb.parse.SkipRecipe("no skip")
}
