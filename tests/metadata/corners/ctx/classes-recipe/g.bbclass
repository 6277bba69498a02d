W = "recipe"
