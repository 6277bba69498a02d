# The system's locale, unless the session already has one. musl knows C.UTF-8 and, with translations, others.
if [ -z "$LANG" ] && [ -r /etc/locale.conf ]; then
    while IFS='=' read -r name value; do
        case "$name" in
            LANG|LANGUAGE|LC_*) export "$name=$value" ;;
        esac
    done < /etc/locale.conf
    unset name value
fi
