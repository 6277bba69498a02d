"""layers → recipes: configuration, appends, classes, variants, providers, parse cache."""
