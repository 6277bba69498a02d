mkdir -p core/recipes; ln -s other.bb core/recipes/thing.bb; ln -s thing.bb core/recipes/other.bb
