"""A report as a page of HTML that stands alone: no script, no font, no picture from elsewhere."""

from html import escape
from typing import Any

from haechi.sdk.testing.checking import Report
from haechi.sdk.testing.rules import RULES
from haechi.text import _

_SIGNS = {"holds": "✓", "fails": "✗", "exempt": "–", "does not apply": "·", "not judged": "?"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .4rem .6rem; vertical-align: top;
border-bottom: 1px solid #ccc } code { font-size: .9em; overflow-wrap: anywhere } th code { white-space: nowrap }
.fails { background: #fde8e8 }
.not-judged { background: #fff6da }
"""


def _promise(rule: str) -> str:
    """Return what a rule demands, and whether nobody is exempt from it."""
    if rule not in RULES:
        return ""
    nobody = "" if RULES[rule].is_waivable else f" <strong>{escape(_('Nobody is exempt.'))}</strong>"
    return escape(RULES[rule].promise) + nobody


def page(report: Report, mark: dict[str, Any]) -> str:
    """Return the page for ``report``."""
    title = _("{name}: {verdict}").format(
        name=report.name, verdict=_("every rule holds") if report.holds else _("not every rule holds")
    )
    rows = "".join(
        f'<tr class="{finding.state.replace(" ", "-")}"><td>{_SIGNS[finding.state]} {escape(finding.state)}</td>'
        f"<th scope=row><code>{escape(finding.rule)}</code></th>"
        f"<td>{_promise(finding.rule)}"
        f"{'<br><em>' + escape(finding.detail) + '</em>' if finding.detail else ''}</td>"
        f"<td>{finding.duration_s:.2f}</td></tr>"
        for finding in report.findings
    )
    figures = "".join(f"<li><code>{escape(name)}</code>: {value}</li>" for name, value in report.figures.items())
    facts = "".join(
        f"<dt>{escape(label)}</dt><dd><code>{escape(str(value))}</code></dd>"
        for label, value in (
            (_("kit"), mark["kit"]),
            (_("firmware"), mark["firmware"]),
            (_("SHA-256 of the folder"), mark["sha256"]),
            (_("signature"), mark.get("signature", _("not signed"))),
        )
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><dl>{facts}</dl><table><thead><tr><th>{escape(_('state'))}</th>"
        f"<th>{escape(_('rule'))}</th><th>{escape(_('what it demands'))}</th><th>s</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{'<ul>' + figures + '</ul>' if figures else ''}</body></html>\n"
    )
