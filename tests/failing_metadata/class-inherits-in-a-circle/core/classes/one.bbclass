inherit two
