"""What a plan takes and answers, for people and for other tools: JSON Schema, pydantic, Arrow, Open Inference.

`InputSchema` is read from a plan alone, so that a plan from a file has the schema of the plan that was saved.
"""

from __future__ import annotations

from pretzel.runtime.schemas.input_schema import Column, InputSchema, Output

__all__ = ["Column", "InputSchema", "Output"]
