"""How far extractors agree on which students are better: distances and rank correlations.

    nas-search … --trials 16 --replicates 0 --significance 1000     # all trials are trained to the end
    python -m benchmarks.extractors --study faces-3Mmacs --extractors imagenet-lite0,imagenet-lite2
    python -m benchmarks.extractors --extractors imagenet-lite0,cifar-resnet --weights cifar-resnet=net.th

Every complete architecture of a finished study is measured again, in each extractor's features, against the
images that the study compares with, on the same samples. Correlations are Spearman's and Kendall's, with
bootstrap intervals over architectures (90 %).
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any

SEED = 1_000  # of the latents and noise that distances are measured on


def distances(study: str, workdir: Path, extractors: list[str], weights: dict[str, Path]) -> dict[str, Any]:
    """MACs and, by extractor, distances of the complete architectures of `study`, by trial."""
    import torch

    import nas
    from distill.evaluation import Fidelity
    from nas.config import SearchConfig
    from nas.study import StudyAttributes, open_existing
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    store, _ = open_existing(workdir, study)
    with store:
        config = SearchConfig.saved(StudyAttributes.from_study(store.study).config)
    report, bench = nas.open_study(study, workdir=workdir), Workbench(config)
    complete = [trial for trial in report.trials if trial.state == "COMPLETE" and not trial.replicate_of]
    found: dict[str, Any] = {str(trial.number): {"macs": trial.macs} for trial in complete}
    for extractor in extractors:
        judge = Fidelity(
            bench.task.eval_sets(), extractor, weights=weights.get(extractor), cache=config.cache / "fidelity"
        )
        for trial in complete:
            file = Path(report.folder) / f"{trial.number}.safetensors"
            nas.export(report, file, trial=trial.number)
            value = judge.fid(nas.load_student(file), config.fid_samples, SEED).value
            file.unlink()
            found[str(trial.number)][extractor] = value
            print(f"trial {trial.number}: {extractor} {value:.2f}", file=sys.stderr, flush=True)
    return found


def agreement(found: dict[str, Any], extractors: list[str]) -> list[dict[str, Any]]:
    """Rank correlations of each two extractors."""
    from nas.ranking import rank_correlation

    pairs = []
    for one, other in itertools.combinations(extractors, 2):
        columns = ([trial[name] for trial in found.values()] for name in (one, other))
        correlation = rank_correlation(0, *columns)
        if correlation is not None:
            pairs.append({"extractors": [one, other]} | correlation.model_dump(exclude={"metric", "images"}))
    return pairs


def main() -> None:
    """Measure, and print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", default="", help="the newest in the workdir unless given")
    parser.add_argument("--workdir", type=Path, default=Path("nas-runs"))
    parser.add_argument("--extractors", default="imagenet-lite0,imagenet-lite1,imagenet-lite2")
    parser.add_argument("--weights", action="append", default=[], help="EXTRACTOR=FILE; may be repeated")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    extractors = options.extractors.split(",")
    weights = {name: Path(file) for name, _, file in (each.partition("=") for each in options.weights)}
    found = distances(options.study, options.workdir, extractors, weights)
    pairs = agreement(found, extractors)
    if options.json:
        print(json.dumps({"trials": found, "agreement": pairs}))
        return
    print(f"{'trial':>6}{'MACs':>9}" + "".join(f"{name:>18}" for name in extractors))
    for number, trial in sorted(found.items(), key=lambda item: float(item[1][extractors[0]])):
        figures = "".join(f"{trial[name]:18.2f}" for name in extractors)
        print(f"{number:>6}{trial['macs'] / 1e6:8.2f}M{figures}")
    print()
    for pair in pairs:
        low, high = pair["spearman_interval"]
        few, many = pair["kendall_interval"]
        print(
            f"{' and '.join(pair['extractors'])}: Spearman {pair['spearman']:.2f} ({low:.2f} to {high:.2f}), "
            f"Kendall {pair['kendall']:.2f} ({few:.2f} to {many:.2f}), {pair['architectures']} architectures"
        )


if __name__ == "__main__":
    main()
