W = "plain"
