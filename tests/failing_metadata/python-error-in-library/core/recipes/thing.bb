python () {
    import json
    json.loads("{")
}
CFLAGS = ""
