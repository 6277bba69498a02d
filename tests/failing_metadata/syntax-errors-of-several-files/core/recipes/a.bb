require bad.inc
B = 1
