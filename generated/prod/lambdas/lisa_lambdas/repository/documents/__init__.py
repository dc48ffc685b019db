"""Documents and the text in them."""

from lisa_lambdas.repository.documents.kinds import must_be_readable, read_sections
from lisa_lambdas.repository.documents.section import Section

__all__ = ["Section", "must_be_readable", "read_sections"]
