deltask (){ # x
