"""hadronbake: a BitBake-language recipe engine, and the layers that build Hadron Linux with it."""

__version__ = "0.1.0"
