# One bin, one lib: what a package installs in /bin, /sbin, /usr/sbin, /lib, /lib64 and /usr/lib64 goes to /usr/bin and /usr/lib.
# The links between them are kept whole, and absolute links within /usr become relative, so that they hold in a sysroot too.

python merge_usr() {
    import os

    moves = {"bin": "usr/bin", "sbin": "usr/bin", "usr/sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib", "usr/lib64": "usr/lib"}

    def merged(path):
        for old, new in moves.items():
            if path == old or path.startswith(old + "/"):
                return new + path[len(old):]
        return path

    def links_of(root):
        links = {}
        for directory, names, files in os.walk(root):
            for name in names + files:
                path = os.path.join(directory, name)
                if os.path.islink(path):
                    links[os.path.relpath(path, root)] = os.readlink(path)
        return links

    def rewrite(root, links):
        for old, text in links.items():
            new = merged(old)
            if old in moves:
                # The links that merge /usr in the running system.
                continue
            if text.startswith("/"):
                target = os.path.normpath(text).lstrip("/")
            else:
                target = os.path.normpath(os.path.join(os.path.dirname(old), text))
            if target.startswith(".."):
                continue
            if new == old and merged(target) == target and not (text.startswith("/") and target.startswith("usr/")):
                continue
            path = os.path.join(root, old)
            os.remove(path)
            if merged(target) != new:
                os.symlink(os.path.relpath(merged(target), os.path.dirname(new)), path)

    def move(root, source, target):
        os.makedirs(target, exist_ok=True)
        for name in sorted(os.listdir(source)):
            old, new = os.path.join(source, name), os.path.join(target, name)
            if os.path.isdir(old) and not os.path.islink(old) and os.path.isdir(new) and not os.path.islink(new):
                move(root, old, new)
            elif not os.path.lexists(new):
                os.rename(old, new)
            elif os.path.islink(old) and os.path.islink(new) and os.readlink(old) == os.readlink(new):
                os.remove(old)
            else:
                bb.fatal("%s and %s would be one file in a merged /usr: install only one of them" % (
                    "/" + os.path.relpath(old, root), "/" + os.path.relpath(new, root)))
        os.rmdir(source)

    image = d.getVar("D")
    for root in (image, image + d.getVar("STAGING_DIR_NATIVE")):
        if not os.path.isdir(root):
            continue
        rewrite(root, links_of(root))
        for old, new in moves.items():
            source = os.path.join(root, old)
            if os.path.isdir(source) and not os.path.islink(source):
                move(root, source, os.path.join(root, new))
}
