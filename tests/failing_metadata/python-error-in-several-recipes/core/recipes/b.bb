PROVIDES += "${@[][3]}"
