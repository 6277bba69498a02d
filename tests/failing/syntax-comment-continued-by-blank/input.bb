# one \
# two \

PV = "1.0"
