"""Approving with other arguments: the editor of an action, by field or as JSON, and the labels that go with it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.lib.unseen import unseen
from reviews.argument_edit import Unreadable, added, filled, merged, nulled, removed, switched
from reviews.argument_fields import Field, editable, fields
from reviews.arguments import parsed, pretty
from reviews.diff import Change, canonical, changes
from reviews.json_schema import TooComplex, findings
from reviews.models import ApprovalItem, ReasonLabel
from reviews.services.decisions import Ruling
from reviews.states import Verdict

REASON_CHARS = 2_000
ARGUMENTS_CHARS = 300_000
RESHAPES = {"add": added, "remove": removed, "null": nulled, "fill": filled, "choose": switched}
"""What the buttons of the editor do to the arguments, by the name under which they send the place."""


class Words(forms.CharField):
    """Text of several lines. Browsers count a line's end as one character and send two: one is meant, and kept."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), **kwargs)

    def to_python(self, value: Any) -> Any:
        """One character for the end of a line."""
        return super().to_python(value.replace("\r\n", "\n") if isinstance(value, str) else value)


class LabellingForm(forms.Form):
    """A form with which labels of the project's list can be given."""

    def __init__(self, *args: Any, labels: Sequence[ReasonLabel] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered_labels = labels
        if labels:
            self.fields["labels"] = forms.MultipleChoiceField(
                label=_("Labels"),
                required=False,
                choices=[(label.name, label.name) for label in labels],
                widget=forms.CheckboxSelectMultiple,
                help_text=" · ".join(f"{label.name}: {label.description}" for label in labels if label.description),
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """Those that were given."""
        return tuple(self.cleaned_data.get("labels", ()))


@dataclass(frozen=True)
class Choice:
    """A button for one of the alternatives of a field: what it sends, also as JSON, and whether it is chosen."""

    place: str
    sent: str
    title: str
    chosen: bool


@dataclass(frozen=True)
class Control:
    """A field of the editor: what is shown in it, what is wrong with it, and how deep it is nested."""

    field: Field
    text: str
    error: str
    depth: int

    @property
    def id(self) -> str:
        return f"edit-{self.field.name}"

    @property
    def unseen(self) -> list[str]:
        """The characters in it that cannot be seen, by code point."""
        return unseen(self.text)

    @property
    def sent(self) -> dict[str, str]:
        """What its buttons send along when they are clicked, as JSON, by what they do."""
        return {verb: json.dumps({verb: self.field.pointer}) for verb in RESHAPES}

    @property
    def choices(self) -> list[Choice]:
        """Its alternatives."""
        places = [f"{at} {self.field.pointer}" for at in range(len(self.field.alternatives))]
        return [
            Choice(place, json.dumps({"choose": place}), one.title, at == self.field.chosen)
            for at, (place, one) in enumerate(zip(places, self.field.alternatives, strict=True))
        ]

    @property
    def described(self) -> SafeString:
        """The attributes that join the control to what is said below it."""
        parts = [f"{self.id}-help"] if self.field.help or self.field.shape.limits else []
        parts += [f"{self.id}-errors"] if self.error else []
        parts += [f"{self.id}-unseen"] if self.unseen else []
        invalid = mark_safe(' aria-invalid="true"') if self.error else SafeString("")
        return format_html('{} aria-describedby="{}"', invalid, " ".join(parts)) if parts else invalid


class EditForm(LabellingForm):
    """Approve with other arguments: field by field, or as JSON. What was seen as a diff is what can be sent.

    `json` is the text of the JSON editor; between fields it is the arguments that the fields were made of.
    """

    mode = forms.ChoiceField(choices=[("fields", ""), ("json", "")], required=False)
    json = forms.CharField(required=False, max_length=ARGUMENTS_CHARS, strip=False)
    seen = forms.CharField(required=False, max_length=64)
    reason = Words(
        label=gettext_lazy("Why"),
        required=False,
        max_length=REASON_CHARS,
        rows=2,
        help_text=gettext_lazy("Kept with the labelled example: what would have made the proposal right?"),
    )

    def __init__(
        self, *args: Any, item: ApprovalItem, start: dict[str, Any] | None = None, as_json: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.item = item
        self.arguments: dict[str, Any] | None = None
        self.field_errors: dict[str, str] = {}
        self.passed_over: list[str] = []
        """The parts of the agent's schema that could not be applied to what was typed."""
        self.base = item.arguments if start is None else start
        if self.is_bound and self.data.get("mode") == "fields":
            with contextlib.suppress(ValueError):
                self.base = parsed(str(self.data.get("json", "")))
        self.rows = fields(self.base, item.arguments_schema, editing=True)
        if start is not None:
            self.arguments = start
        self.by_field = editable(self.rows)
        self.as_json = as_json or not self.by_field or (self.is_bound and self.data.get("mode") == "json")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        try:
            if self.as_json:
                self.arguments = parsed(str(values.get("json", "")))
            else:
                self.arguments = merged(self.base, self.rows, {name: str(text) for name, text in self.data.items()})
        except Unreadable as error:
            self.field_errors = error.errors
            raise forms.ValidationError(_("Some of the values cannot be read.")) from None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        self._check(self.arguments)
        return values

    def _check(self, arguments: dict[str, Any]) -> None:
        """Says what breaks the schema beside its field; what has no field, or is written as JSON, above them all."""
        if self.item.arguments_schema is None:
            return
        try:
            found = findings(self.item.arguments_schema, arguments)
        except TooComplex:
            # Whether such an edit may be sent is for the service to say, in one place.
            return
        self.passed_over = found.passed_over
        names = {} if self.as_json else {part.key: part.name for row in self.rows for part in row.walk()}
        for place, text in found.violations:
            if place in names:
                self.field_errors.setdefault(names[place], text)
            else:
                self.add_error(None, f"{place}: {text}" if place else text)
        if self.field_errors:
            self.add_error(None, _("Some of the values do not fit what the agent's action takes."))

    def reshaped(self, verb: str, place: str) -> dict[str, Any] | None:
        """The arguments with something done to them at a place, see RESHAPES; None while they cannot be read."""
        self.is_valid()
        if self.arguments is None:
            return None
        rows = fields(self.arguments, self.item.arguments_schema, editing=True)
        return RESHAPES[verb](self.arguments, rows, place)

    @property
    def json_text(self) -> str:
        """What the JSON editor shows: what was typed, else the arguments."""
        return str(self.data.get("json", "")) if self.is_bound and self.as_json else pretty(self.base)

    @property
    def json_unseen(self) -> list[str]:
        """The characters in that text that cannot be seen, by code point."""
        return unseen(self.json_text)

    @property
    def base_text(self) -> str:
        """The arguments that the fields were made of, to be sent back with them."""
        return json.dumps(self.base, ensure_ascii=False)

    def controls(self) -> list[Control]:
        """The editor's fields in order; a group comes before what is in it."""
        return [control for row in self.rows for control in self._controls(row, 0)]

    def _controls(self, row: Field, depth: int) -> Iterator[Control]:
        text = str(self.data.get(row.name, row.text)) if self.is_bound else row.text
        yield Control(row, text, self.field_errors.get(row.name, ""), depth)
        for child in row.children:
            yield from self._controls(child, depth + 1)

    def changes(self) -> list[Change]:
        """What the edit changes; empty while it cannot be read."""
        return [] if self.arguments is None else changes(self.item.arguments, self.arguments)

    @property
    def digest(self) -> str:
        """A short name of the arguments, by which the diff that was seen is recognised."""
        return hashlib.sha256(canonical(self.arguments).encode()).hexdigest()

    @property
    def was_seen(self) -> bool:
        """Whether the reviewer has been shown the diff of exactly these arguments."""
        return bool(self.data.get("seen")) and self.data["seen"] == self.digest

    def ruling(self) -> Ruling:
        reason = self.cleaned_data["reason"]
        return Ruling(verdict=Verdict.EDIT, arguments=self.arguments, reason=reason, labels=self.labels)
