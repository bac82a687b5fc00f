"""What a person or a program reads: the report, and its forms on the console, as JSON and as an HTML page."""

from ganeval.errors import ReportError
from ganeval.report.comparison import COMPARISON_SCHEMA_NAME, Comparison
from ganeval.report.comparison_json import comparison_from_json, comparison_schema
from ganeval.report.reading import report_from_json
from ganeval.report.report import SCHEMA_NAME, Gallery, Report, Run, Side
from ganeval.report.serialise import report_schema

__all__ = [
    "Report",
    "Side",
    "Run",
    "Gallery",
    "SCHEMA_NAME",
    "ReportError",
    "report_from_json",
    "report_schema",
    "Comparison",
    "COMPARISON_SCHEMA_NAME",
    "comparison_from_json",
    "comparison_schema",
]
