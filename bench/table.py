"""What a measurement found beside what is asked of it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value. `least` is what must be reached and `aim` what is hoped for; None asks for nothing."""

    name: str
    value: float
    unit: str = ""
    least: float | None = None
    aim: float | None = None
    more_is_better: bool = False

    @property
    def verdict(self) -> str:
        """aim, ok or MISSED."""
        if self.least is None:
            return ""
        if self.aim is not None and self._reaches(self.aim):
            return "aim"
        return "ok" if self._reaches(self.least) else "MISSED"

    def _reaches(self, wanted: float) -> bool:
        return self.value >= wanted if self.more_is_better else self.value <= wanted


def show(figures: Iterable[Figure]) -> None:
    """Prints a line per figure as it comes."""
    print(f"{'what':<72}{'value':>12} {'unit':<9}{'at least':>9}{'aim':>8}  verdict", flush=True)
    for one in figures:
        asked = ["" if value is None else f"{value:g}" for value in (one.least, one.aim)]
        digits = f"{one.value:,.2f}" if abs(one.value) < 100 else f"{one.value:,.0f}"
        print(f"{one.name:<72}{digits:>12} {one.unit:<9}{asked[0]:>9}{asked[1]:>8}  {one.verdict}", flush=True)
