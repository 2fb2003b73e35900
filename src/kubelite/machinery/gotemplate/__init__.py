"""Go's text/template, as `-o go-template` needs it.

What: `compile_template(text)` gives a `Template` whose `execute(data)` returns text. Why: scripts around kubectl use them.
Flow: text → `lexer` → `parser` (nodes) → `execute` over decoded JSON, whose whole numbers are int64 and others float64.
Language: pkg.go.dev/text/template; added functions: kubectl's exists and base64decode.
"""

from kubelite.machinery.gotemplate.errors import TemplateError
from kubelite.machinery.gotemplate.execute import Template, compile_template

__all__ = ["Template", "TemplateError", "compile_template"]
