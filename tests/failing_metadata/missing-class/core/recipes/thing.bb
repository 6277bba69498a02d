inherit autotool
