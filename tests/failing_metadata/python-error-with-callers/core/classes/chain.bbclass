def inner(d):
    return int(d.getVar("PN"))

def outer(d):
    values = [inner(d)
              for _ in range(2)]
    return values
