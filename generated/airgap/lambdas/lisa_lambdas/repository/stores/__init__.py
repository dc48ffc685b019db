"""Where chunks and their vectors are kept: one interface, and a module for each kind of store."""

from lisa_lambdas.repository.stores.contract import Chunk, Collection, Document, Hit, Store, Stored

__all__ = ["Chunk", "Collection", "Document", "Hit", "Store", "Stored"]
