export CFLAGS:class-native
export A B
export A[b]
