"""The language server: editor text + a model of the workspace → diagnostics, hover, places, completions, symbols.

``document``, ``cursor`` and what is asked of them are pure functions over text and :mod:`hadronbake.lsp.model`. The metadata is
read by ``worker`` in a process of its own, which ``analyst`` starts anew when files change: no Python of a recipe can stop
or break the server. ``server`` is the edge that speaks the protocol, and the only module that knows its types.
"""
