A .= "y"
inherit x
