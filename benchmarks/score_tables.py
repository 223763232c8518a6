"""Score tables: the JSON of ``drumlane evaluate`` and of ``speed.py`` as the Markdown of the documents.

Scores are 0..1 with three digits; what is undefined is a dash. Nothing is measured here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from drumlane.models.card import Score

Json = Mapping[str, Any]
NOTHING = "—"

# ADTOF (PyTorch port, its own weights and thresholds) on the same clips, quoted from the description that
# comes with them, not measured here: micro F of five classes at ±50 ms and ±25 ms, of eight lanes at ±50 ms.
ADTOF: Mapping[str, tuple[str, str, str]] = {
    "drums, all": ("0.802", "0.796", "0.700"),
    "phrases d1": ("0.636", "0.629", "0.609"),
    "phrases d2": ("0.824", "0.817", "0.704"),
    "songs, drums": ("0.929", "0.926", "0.801"),
    "songs, mix": ("0.909", "0.905", "0.779"),
}
ADTOF_FALSE_HITS = {"accompaniment": "1.7"}  # a minute
ADTOF_COST = {  # quoted too, of another machine: a hint at the order of magnitude
    "cpu_seconds_per_minute": "2.0",
    "peak_mb_song": "1022",
    "start_cpu_seconds": "4 to 5",
    "environment_mb": "1400",
}

PICTURE = (
    "![Spectrogram of the example, with the activations and hits of each lane](docs/images/groove.png)\n\n"
    "The first 12 seconds of the example as `drumlane transcribe --plot` draws them."
)


def summary(reports: Sequence[Json], speed: Json | None) -> str:
    """Return the README's section: every group, the classes of the first one, and the cost."""
    parts = [
        "## How good it is, and how fast",
        _model_line(reports[0]),
        table(_SUMMARY, _summary_rows(reports)),
    ]
    first = reports[0]["groups"][0]
    parts += [f"By class, {first['group']}, ±50 ms:", table(_CLASSES, _class_rows(find(first, "five", 0.05)))]
    if speed:
        parts.append(table(("cost", "drumlane", "ADTOF"), _cost_rows(speed)))
    parts.append(_SUMMARY_NOTE)
    return "\n\n".join(parts)


def details(report: Json) -> str:
    """Return all scores of one evaluation: overall, by class, and what else was measured."""
    parts = [_model_line(report), f"```\n{report['command']}\n```"]
    parts.append(table(_OVERALL, (row for group in report["groups"] for row in _overall_rows(group))))
    for group in report["groups"]:
        scores = [s for s in group["scores"] if s["tolerance"] == 0.05 and s["micro"]["n_reference"]]
        for score in scores:
            parts.append(f"**{group['group']}**, {score['class_set']}, ±50 ms")
            parts.append(table(_CLASSES, _class_rows(score)))
            parts += _remarks(score)
    return "\n\n".join(parts)


def card_rows(report: Json) -> Iterator[Score]:
    """Yield the headline scores of one evaluation as a model's card holds them."""
    for group in report["groups"]:
        for score in group["scores"]:
            found, n, command = score["micro"], score["n_tracks"], report["command"]
            if found["n_reference"]:
                what = f"{group['group']}: micro F, {score['class_set']}, ±{1000 * score['tolerance']:.0f} ms"
                low, high = (round(edge, 4) for edge in score["micro_f_interval"])
                yield Score(
                    measure=what, value=round(found["f"], 4), n=n, interval=(low, high), command=command
                )
            elif (score["class_set"], score["tolerance"]) == ("five", 0.05):
                false_hits = round(score["false_hits_per_minute"], 2)
                yield Score(
                    measure=f"{group['group']}: false hits a minute", value=false_hits, n=n, command=command
                )


def find(group: Json, class_set: str, tolerance: float) -> Json:
    """Return the scores of one class set at one tolerance."""
    return next(s for s in group["scores"] if (s["class_set"], s["tolerance"]) == (class_set, tolerance))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_SUMMARY = (
    "recordings",
    "tracks",
    "hits",
    "5 classes ±50 ms",
    "±25 ms",
    "8 lanes ±50 ms",
    "ADTOF: the same three",
)
_SUMMARY_NOTE = (
    "Scores are micro F over all hits, in brackets the 95 % interval of a bootstrap over tracks. ADTOF's "
    "figures are quoted from the description of the recordings, not measured here; its costs are those of "
    "another machine. Every number by class, with the commands: [docs/scores.md](docs/scores.md) and "
    "[docs/benchmarks.md](docs/benchmarks.md). The recordings (ENST-Drums, IDMT-SMT-Drums, StemGMD) may not "
    "be passed on and served for nothing but measuring."
)
_OVERALL = (
    "group",
    "classes",
    "± ms",
    "tracks",
    "hits",
    "F",
    "95 %",
    "P",
    "R",
    "macro F",
    "bias %",
    "offset ms",
    "false hits a minute",
)
_CLASSES = ("class", "hits", "P", "R", "F")


def _model_line(report: Json) -> str:
    rescorer = f", of its rescorer `{report['rescorer_sha256'][:12]}`" if "rescorer_sha256" in report else ""
    return f"Shipped weights: {report['subject']}, sha256 `{report['model_sha256'][:12]}`{rescorer}."


def _summary_rows(reports: Sequence[Json]) -> Iterator[Sequence[str]]:
    for group in (group for report in reports for group in report["groups"]):
        name = group["group"]
        wide, narrow, lanes = (
            find(group, "five", 0.05),
            find(group, "five", 0.025),
            find(group, "lanes", 0.05),
        )
        start = (name, str(wide["n_tracks"]), str(wide["micro"]["n_reference"]))
        if not wide["micro"]["n_reference"]:
            theirs = f"{ADTOF_FALSE_HITS[name]} a minute" if name in ADTOF_FALSE_HITS else NOTHING
            yield *start, f"{wide['false_hits_per_minute']:.1f} false hits a minute", NOTHING, NOTHING, theirs
        else:
            yield *start, *map(_with_interval, (wide, narrow, lanes)), " / ".join(ADTOF.get(name, (NOTHING,)))


def _class_rows(scores: Json) -> Iterator[Sequence[str]]:
    for counts in scores["classes"]:
        numbers = map(_three, (counts["precision"], counts["recall"], counts["f"]))
        yield counts["class"], str(counts["n_reference"]), *numbers


def _overall_rows(group: Json) -> Iterator[Sequence[str]]:
    for scores in group["scores"]:
        micro, timing = scores["micro"], scores["timing"]
        yield (
            group["group"],
            scores["class_set"],
            f"{1000 * scores['tolerance']:g}",
            str(scores["n_tracks"]),
            str(micro["n_reference"]),
            *_right(scores),
            NOTHING if micro["count_bias"] is None else f"{100 * micro['count_bias']:+.0f}",
            NOTHING if timing["median"] is None else f"{1000 * timing['median']:+.1f}",
            _one(scores["false_hits_per_minute"]),
        )


def _right(scores: Json) -> Sequence[str]:
    """Return F, its interval, P, R and macro F; without hits to find there is nothing to get right."""
    micro = scores["micro"]
    if not micro["n_reference"]:
        return (NOTHING,) * 5
    numbers = map(_three, (micro["precision"], micro["recall"], scores["macro_f"]))
    return _three(micro["f"]), _interval(scores["micro_f_interval"]), *numbers


def _remarks(scores: Json) -> list[str]:
    remarks = []
    if velocity := scores["velocity"]:
        remarks.append(
            f"Velocity ({velocity['n_pairs']} pairs of {velocity['n_tracks']} tracks): mean error "
            f"{_one(velocity['mean_absolute_error'])} MIDI steps, "
            f"correlation {_three(velocity['correlation'])}, F with velocity {_three(velocity['f'])}."
        )
    if hats := scores["hats"]:
        remarks.append(f"Open against closed hats: balanced accuracy {_three(hats['balanced_accuracy'])}.")
    if sure := scores.get("reliability"):
        remarks.append(
            f"Confidence ({sure['n_hits']} estimated hits): mean {_three(sure['mean_confidence'])}, right "
            f"{_three(sure['share_right'])}, expected calibration error {_three(sure['expected_error'])}."
        )
    return remarks


def _cost_rows(speed: Json) -> Iterator[Sequence[str]]:
    threads = speed["threads"]
    for name, key, digits in (
        (f"CPU seconds per minute of audio, start excluded ({threads} threads)", "cpu_seconds_per_minute", 2),
        ("peak memory, 3 minutes of audio, MB", "peak_mb_song", 0),
        ("peak memory, 60 minutes of audio, MB", "peak_mb_hour", 0),
        ("cold start to the MIDI of 1 second, CPU seconds", "start_cpu_seconds", 2),
    ):
        yield name, f"{speed[key]['median']:.{digits}f}", ADTOF_COST.get(key, NOTHING)
    size = speed["size"]
    yield "installed without extras, MB", f"{size['environment_mb']:.0f}", ADTOF_COST["environment_mb"]
    yield "wheel with weights, MB", f"{size['wheel_mb']:.1f}", NOTHING


def _with_interval(scores: Json) -> str:
    return f"{_three(scores['micro']['f'])} [{_interval(scores['micro_f_interval'])}]"


def _interval(bounds: Sequence[float] | None) -> str:
    return NOTHING if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def _three(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _one(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f}"
