if [ -e x ]; then
    true
fi
