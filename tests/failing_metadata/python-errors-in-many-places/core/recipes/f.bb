python __anonymous() {
    import nonexistent_module
}
