"""The page that stands beside a model: what it was trained on, how good it is, what it is not good at."""

from datetime import datetime, timezone

UNSEEN = "relay-service"


def day(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%d")


def _row(name: str, f: dict) -> str:
    pr, roc = f["best_feature_pr_auc"], f["best_feature_roc_auc"]
    return (
        f"| {name} | {f['events']:,} | {100 * f['positive_share']:.2f} % | **{f['pr_auc']:.3f}** | {f['heuristic_pr_auc']:.3f} | {pr['value']:.3f} (`{pr['feature']}`) "
        f"| **{f['roc_auc']:.3f}** | {f['heuristic_roc_auc']:.3f} | {roc['value']:.3f} (`{roc['feature']}`) | {100 * f['high_share']:.2f} % | {100 * f['high_precision']:.0f} % | {100 * f['high_recall']:.0f} % |"
    )


def render(manifest: dict) -> str:
    window, metrics = manifest["window"], manifest["metrics"]
    tests = metrics["tests"]
    lines = [
        f"# {manifest['family']} {manifest['version']} ({manifest['scope']})",
        "",
        f"Scores events of the stream `{window['stream']}`: {len(manifest['features'])} features, {metrics['trees']} trees. Made for demonstration on simulated events; train on your own before you rely on it.",
        "",
        *([f"**It does not serve until a person activates it:** {manifest['withheld']}", ""] if "withheld" in manifest else []),
        "## Trained on",
        f"Simulated worlds with seeds {', '.join(map(str, window['seeds']))} (patterns `training`), {day(window['from_ms'])} to {day(window['to_ms'])}: {metrics['training_rows']:,} events in the first {100 - window['validation_percent']} % of that time, "
        f"{metrics['validation_rows']:,} later ones to stop by and to set thresholds. Vectors are those that the engine serves, in order of arrival. "
        f"Labels are what a deployment would have known: outcomes that had come in ({metrics['known_positives']:,} of {metrics['true_positives']:,} positives were found out), and silence "
        + ("taken for genuine once it was old enough." if window["silence_means"] == "genuine" else "standing in for genuine, though it proves nothing."),
        "",
        f"Simulator `{manifest['simulator']}` (sha256 over `src/simulator/world/`), frozen before the first model was trained.",
        f"Thresholds: high from {manifest['thresholds']['high']}, medium from {manifest['thresholds']['medium']}. Vectors: fingerprint `{manifest['fingerprint']}`.",
        "",
        "## Measured on",
        f"Worlds of seeds never trained on, {day(metrics['test_window']['from_ms'])} to {day(metrics['test_window']['to_ms'])}, later than all training, against the full truth (also what nobody found out). "
        "Heuristic: the stream's own. Best single feature: chosen, with its direction, on these very rows, so it is flattered.",
        "",
        "| world | events | positive | PR-AUC | heuristic | best single feature | ROC-AUC | heuristic | best single feature | high risk | its precision | its recall |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
        *(_row(name, figures) for name, figures in tests.items()),
        "",
        "## What high risk catches",
        "",
        "| pattern | caught | of |",
        "|---|---|---|",
        *(f"| {name}{' (never trained on)' if name == UNSEEN else ''} | {caught} ({100 * caught / of:.0f} %) | {of} |" for name, (caught, of) in tests["all together"]["caught_as_high"].items()),
        "",
        "## What it looks at",
        ", ".join(f"`{name}` {100 * share:.0f} %" for name, share in metrics["importance"].items()) + " (share of total gain).",
        "",
        "## Limits",
        "The simulator acts by mechanisms that its authors thought of; people think of others. Scores are rankings with thresholds, not probabilities.",
        "",
    ]
    return "\n".join(lines)
