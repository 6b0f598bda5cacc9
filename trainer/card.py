"""Writes the card of a model: its training data, its figures and its limits."""

from datetime import datetime, timezone
from textwrap import fill

UNSEEN = "relay-service"


def day(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%d")


def _row(name: str, f: dict) -> str:
    pr, roc = f["best_feature_pr_auc"], f["best_feature_roc_auc"]
    cells = [
        name,
        f"{f['events']:,}",
        f"{100 * f['positive_share']:.2f} %",
        f"**{f['pr_auc']:.3f}**",
        f"{f['heuristic_pr_auc']:.3f}",
        f"{pr['value']:.3f} (`{pr['feature']}`)",
        f"**{f['roc_auc']:.3f}**",
        f"{f['heuristic_roc_auc']:.3f}",
        f"{roc['value']:.3f} (`{roc['feature']}`)",
        f"{100 * f['high_share']:.2f} %",
        f"{100 * f['high_precision']:.0f} %",
        f"{100 * f['high_recall']:.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def _caught(name: str, caught: int, of: int) -> str:
    return f"| {name}{' (never trained on)' if name == UNSEEN else ''} | {caught} ({100 * caught / of:.0f} %) | {of} |"


def _window(window: dict) -> str:
    return f"{day(window['from_ms'])} to {day(window['to_ms'])}"


def _wrapped(line: str) -> str:
    return fill(line, 120, break_long_words=False, break_on_hyphens=False)


def render(manifest: dict) -> str:
    window, metrics = manifest["window"], manifest["metrics"]
    tests, thresholds = metrics["tests"], manifest["thresholds"]
    withheld = manifest.get("withheld")
    silence = (
        "counted as genuine after a time."
        if window["silence_means"] == "genuine"
        else "counted as genuine, although it proves nothing."
    )
    importance = ", ".join(f"`{name}` {100 * share:.0f} %" for name, share in metrics["importance"].items())
    lines = [
        f"# {manifest['family']} {manifest['version']} ({manifest['scope']})",
        "",
        f"Scores events of the stream `{window['stream']}`: {len(manifest['features'])} features, "
        f"{metrics['trees']} trees.",
        "Made for demonstration on simulated events; train on your own events before you rely on it.",
        "",
        *([f"**It serves only after a person activates it:** {withheld}", ""] if withheld else []),
        "## Training",
        "",
        f"Simulated worlds with seeds {', '.join(map(str, window['seeds']))} (patterns `training`), {_window(window)}:",
        f"{metrics['training_rows']:,} events in the first {100 - window['validation_percent']} % of that time, and",
        f"{metrics['validation_rows']:,} later events for early stopping and thresholds.",
        "Vectors are those that the engine serves, in order of arrival.",
        "Labels are those that a deployment would know: outcomes that had arrived "
        f"({metrics['known_positives']:,} of {metrics['true_positives']:,} positives were discovered),",
        f"and silence, {silence}",
        "",
        f"Simulator `{manifest['simulator']}`",
        "(sha256 over `src/simulator/world/`), frozen before the first model was trained.",
        f"Thresholds: high from {thresholds['high']}, medium from {thresholds['medium']}.",
        f"Vectors: fingerprint `{manifest['fingerprint']}`.",
        "",
        "## Figures",
        "",
        f"Worlds with seeds that were never trained on, {_window(metrics['test_window'])}, later than all training, "
        "against",
        "the full truth, including undiscovered positives. Heuristic: the stream's own.",
        "Best single feature: chosen, with its direction, on these same rows, so its figure is too high.",
        "",
        "| world | events | positive | PR-AUC | heuristic | best single feature | ROC-AUC | heuristic "
        "| best single feature | high risk | its precision | its recall |",
        f"|{'---|' * 12}",
        *(_row(name, figures) for name, figures in tests.items()),
        "",
        "## Patterns at high risk",
        "",
        "| pattern | caught | of |",
        "|---|---|---|",
        *(_caught(name, caught, of) for name, (caught, of) in tests["all together"]["caught_as_high"].items()),
        "",
        "## Important features",
        "",
        f"{importance} (share of total gain).",
        "",
        "## Limits",
        "",
        "The simulator acts by mechanisms that its authors thought of; people think of others.",
        "Scores are rankings with thresholds, not probabilities.",
        "",
    ]
    return "\n".join(line if line.startswith("|") else _wrapped(line) for line in lines)
