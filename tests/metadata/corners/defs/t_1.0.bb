def one(d, x="y"):
    """doc
    string"""
    return x

def two(d):
    return one(d) + one(d, "z")
A = "${@two(d)}"
def three(d):

    a = 1

    # comment
# comment at column 0
    return str(a)

B = "${@three(d)}"
def two(d):
    return "again"
C = "${@two(d)}"
class_ = "x"
