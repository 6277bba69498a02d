do_compile() {
    if [ -e x ]; then
        echo "yes
    fi
}
