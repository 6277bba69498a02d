# Messages of shell functions.

bbplain() {
    printf "%s\n" "$*"
}
bbnote() {
    printf "NOTE: %s\n" "$*"
}
bbdebug() {
    shift
    printf "DEBUG: %s\n" "$*"
}
bbwarn() {
    printf "WARNING: %s\n" "$*" >&2
}
bberror() {
    printf "ERROR: %s\n" "$*" >&2
}
bbfatal() {
    printf "ERROR: %s\n" "$*" >&2
    exit 1
}
die() {
    bbfatal "$*"
}
