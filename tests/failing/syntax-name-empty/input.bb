= "1"
+= "x"
export = "y"
[doc] = "z"
