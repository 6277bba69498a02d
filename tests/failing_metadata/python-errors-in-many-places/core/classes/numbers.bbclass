def count_of(d, name):
    items = d.getVar(name)
    return len(items.split())
