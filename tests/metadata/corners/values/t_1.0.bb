A = "a \
  b \
c"
B = 'it "is"'
C = "it's"
D = "a "b" c"
E = ''
F = "\\n\t"
G="tight"
H= "right"
I ="left"
J   =   "wide"
K = "trailing\"
# comment
M = " # no comment"
N = "${@'a' + \
  'b'}"
O+ = "x"
P.q/r~s-t = "names"
0Q = "digit"
export EXP = "e"
export EXP2
EXP2 = "later"
R[a-b.c] = "flag"
S = "'"
T = '"'
U = "a \
" 
