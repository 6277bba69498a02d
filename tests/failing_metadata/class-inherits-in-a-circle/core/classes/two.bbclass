inherit one nothing_else
