do_x() {
    if [ a ]; then
        echo "}"
    fi
	tab
}

do_y () {
}
