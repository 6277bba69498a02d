python () {
    if not d.getVar('WANTED'):
        bb.error('WANTED must be set')
        bb.warn('and so must others')
        bb.fatal('cannot go on')
}
