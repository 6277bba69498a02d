A = "first"
