A .= "z"
require zz.inc
