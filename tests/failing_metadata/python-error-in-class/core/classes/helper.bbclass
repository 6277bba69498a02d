def first_of(words):
    return words[0]

def names_of(d, name):
    values = (d.getVar(name) or "").split()
    return first_of(values)
