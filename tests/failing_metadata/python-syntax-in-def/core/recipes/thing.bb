def helper(d):
    return (1,

A = "1"
