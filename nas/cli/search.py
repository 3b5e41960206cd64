"""nas-search: find small student generators within a budget."""

from __future__ import annotations

import click

from nas.cli.command import Command, console, end, folder_of_commands, results, shown_live
from nas.cli.options import options
from nas.config import SearchConfig, default_conditions
from nas.options import DryRunOption, EventsOption, LiveOption, Location, option

EXAMPLES = """
# handwritten digits, everything built in
nas-search --budget-macs 2M --trials 8
nas-search --budget-macs 2M --trials 24

# how few MACs the same digits need: a budget above the teacher's searches below the teacher
nas-search --budget-macs 5G

# your own teacher and images
nas-search --budget-macs 5G --teacher teacher.safetensors --data images/ --trials 60

# your own teacher without its images: from samples of the teacher
nas-search --budget-macs 5G --teacher teacher.safetensors --trials 60

# no image may take longer than 30 ms on this machine's GPU
nas-search --budget-macs 5G --budget-latency 30ms --latency-on cuda

# with the study in the browser while it runs, at http://127.0.0.1:8080/
nas-search --budget-macs 2M --trials 24 --dashboard

# what would be tried, in seconds
nas-search --budget-macs 800M --budget-params 3M --dry-run

# first what another search has found
nas-report --study digits-2Mmacs --json | jq '[.front[].architecture]' > found.json
nas-search --budget-macs 5G --enqueue found.json

# on a cluster whose nodes share no folder
nas-search --ray-address ray-head:6379 --exchange s3://bucket/searches --budget-macs 5G

# for programs: what happens, a JSON object a line
nas-search --budget-macs 2M --json | jq -c 'select(.event == "front")'

# stopped or killed: the same command resumes
nas-search --budget-macs 2M --trials 24
"""


class SearchOutput(LiveOption, EventsOption, DryRunOption):
    """What is done with the settings."""

    config: Location | None = option(
        None, group="output", help="TOML file of any of these settings; flags win."
    )


@click.command(cls=Command, examples=EXAMPLES, unnamed="--budget-macs")
@options(SearchConfig, SearchOutput)
def main(asked: SearchConfig, output: SearchOutput) -> None:
    """Search student generators that fit a budget, distill each from the teacher, keep the Pareto front.

    Architectures are proposed so that they fit, distilled with a knowledge-distillation weight that falls,
    ranked by FID, or FD in the extractor's features, and recorded in a SQL study. Run the same command again
    to resume.
    """
    from nas.driver import prepare, preview_search, run_search
    from nas.errors import ConfigError, SearchError
    from nas.progress import progress_bars
    from nas.reporting import render, render_next
    from nas.study import check_study
    from nas.workbench import warm_start_architectures

    if output.dry_run and output.dashboard is not None:
        raise ConfigError("--dashboard does not go with --dry-run, which has nothing to show: leave one out")
    out, err = results(), console(quiet=output.quiet, as_events=output.as_json)
    with shown_live(asked, output.dashboard, err) as on_open:
        with progress_bars(err) as on_progress:
            bench = prepare(asked, dry_run=output.dry_run, on_progress=on_progress)
        report = None if output.dry_run else run_search(bench, err, on_open=on_open)
    if report is None:
        check_study(bench.config, bench.identity, default_conditions())
        shown = preview_search(bench, warm_start_architectures(bench.warm_start, bench))
        end(err, "preview", shown) if output.as_json else out.print(shown.render())
        return
    end(err, "result", report) if output.as_json else out.print(render(report))
    if report.best is not None and not output.as_json and not output.quiet:
        width = out.width if out.is_terminal else None
        out.print(render_next(report, folder_of_commands(), width), soft_wrap=True)
    if report.best is None:
        raise SearchError(f"no trial of study {report.study} is complete: see the reasons with nas-dashboard")


if __name__ == "__main__":
    main()
