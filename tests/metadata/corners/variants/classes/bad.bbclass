A = "bad"
