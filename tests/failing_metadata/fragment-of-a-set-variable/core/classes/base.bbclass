addfragments conf/fragments FRAGS META BUILTIN
