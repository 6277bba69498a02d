OVERRIDES = "foo:bar:local"
A = "1"
A:foo = "2"
A:append = "3"
A[f] = "x"
unset A
B = "1"
B:foo = "2"
unset B
B = "3"
C = "1"
C:foo = "2"
unset C
C:foo = "4"
D = "1"
D:foo = "2"
E[ff] = "1"
E[gg] ??= "2"
unset E[ff]
unset E[gg]
unset NOTHING
unset NOTHING[ff]
F = "1"
F:foo = "2"
unset F
F:append = "3"
F:bar = "5"
G:foo ??= "1"
unset G
G:foo ??= "2"
H = "1"
H:foo = "2"
unset H
H:foo ?= "3"
I:foo = "1"
unset I
I:foo:append = "2"
