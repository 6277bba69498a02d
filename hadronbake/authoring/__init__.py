"""What helps those who write layers: text in, text or findings out.

``formatting`` lays a file out anew and keeps its statements; ``lint`` and the modules ``rules_*`` find what is legal but
wrong; ``story`` tells how a variable came by its value; ``relations`` answers who needs whom and why; ``catalogue`` lists
recipes and layers. All answers are frozen models with a documented JSON shape (docs/tools.md). Nothing here prints.
"""
