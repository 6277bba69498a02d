"""Shared state beyond this machine: records and trees go to and come from directories, HTTP servers and REAPI servers.

``settings`` reads the configuration, ``store`` joins the local store with the remotes (what the rest of the program uses);
``remote`` says what any remote can do, and ``directory``, ``http``, ``reapi`` are the three kinds; ``guard`` gives up on one that
fails. Whatever comes from a remote is checked before it gets into the local store: signatures, digests, tree rules.
"""
