W = "global"
