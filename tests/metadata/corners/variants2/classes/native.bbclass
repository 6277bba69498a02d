CLASSOVERRIDE = "class-native"
A:append = " nc"
