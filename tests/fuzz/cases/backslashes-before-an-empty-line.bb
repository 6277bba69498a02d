require a.inc\\\\\\\

A = "x"
