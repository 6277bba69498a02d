def f(a,
      b):
    return a
PV = 1
