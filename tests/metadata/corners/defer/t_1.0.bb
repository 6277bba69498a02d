A = "recipe"
inherit_defer ${C}
inherit_defer late1
C = "first"
inherit now
C = "second"
inherit_defer ${@''}
B:append = " recipe"
L .= " recipe"
python () {
    d.appendVar("L", " anon-recipe")
}
