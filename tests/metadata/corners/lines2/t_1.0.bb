A = "1"   
B = "x\
y"
C = "\
  z \
"
D = 'a \
  "b" \
'
python () {
    d.setVar("E", "a\
b")
}
do_x() {
    a \
    b
}
