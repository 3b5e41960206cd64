"""A study for other programs and pages: Markdown, CSV, and files that are whole or not there at all."""

from nas.reporting.documents.files import check_document, write_document
from nas.reporting.documents.markdown import as_markdown
from nas.reporting.documents.spreadsheet import COLUMNS, as_csv

__all__ = ["COLUMNS", "as_csv", "as_markdown", "check_document", "write_document"]
