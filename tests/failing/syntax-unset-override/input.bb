unset CFLAGS:class-native
unset A B
