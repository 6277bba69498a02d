def f(a)
    return a
PV = "1"
