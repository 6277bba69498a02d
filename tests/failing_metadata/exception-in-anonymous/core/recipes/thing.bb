def deep(d):
    return {}['x']

python () {
    deep(d)
}
