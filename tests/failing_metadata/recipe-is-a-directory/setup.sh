mkdir -p core/recipes/thing.bb
