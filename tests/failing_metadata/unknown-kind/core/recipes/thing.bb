HB_RECIPE_KIND = "nativ"
