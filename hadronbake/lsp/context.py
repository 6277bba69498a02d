"""``Known``: a document with what is known of the metadata around it."""

from __future__ import annotations

from dataclasses import dataclass

from hadronbake.lsp.document import Document
from hadronbake.lsp.model import FileView, Snapshot, Value


@dataclass(frozen=True, slots=True)
class Known:
    """All that questions about a document are answered from. ``view`` is None while the metadata wasn't read."""

    document: Document
    snapshot: Snapshot
    view: FileView | None = None

    def value(self, name: str) -> Value | None:
        """A variable, as it is for the document."""
        return self.view.values.get(name) if self.view is not None else None
