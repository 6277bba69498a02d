A() {
    x
}
A = "value"
B = "value"
B[f] = "1"
B() {
    x
}
def C(d):
    return 1

C = "changed"
D:append() {
    x
}
E[g] = "1"
python E() {
    pass
}
E() {
    shell
}
F:foo() {
    x
}
F[python] = "1"
