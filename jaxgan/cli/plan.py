"""What a script's run would cost on TPU slices that are not there."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxgan.cli.runs import Options

Script = Annotated[Path, Positional, arg(metavar="SCRIPT")]
Slices = Annotated[tuple[str, ...], arg(metavar="KIND:SHAPE [KIND:SHAPE ...]", help_behavior_hint="")]


def plan(script: Script, options: Options = (), *, topology: Slices) -> None:
    """Compiles a script's update for TPU slices that need not exist, and prints what it would cost there.

    All figures are of one update and one chip. FLOPs and bytes are those of the compiled program; times are
    estimates, the least that the peak figures of the chip allow. No step is trained.

    Args:
        script: A script that calls jg.main.
        options: Options of the script, for instance -- --batch-size 1024 or -- --seeds 0:256.
        topology: One or more slices, such as v5e:1x1 v5e:16x16 v5p:8x8x8.
    """
    from jaxgan.scale.topology import describe_offline

    describe_offline()  # before JAX starts
    from jaxgan.folder import cache
    from jaxgan.folder.settings import check
    from jaxgan.run import lane, plan
    from jaxgan.run.check import experiment_of, source_of
    from jaxgan.run.options import options_of
    from jaxgan.run.program import check_trainable
    from jaxgan.run.reopen import as_module, load_script
    from jaxgan.scale.topology import find_topology

    slices = [find_topology(name) for name in topology]
    names = load_script(script)
    with as_module(names):
        config = options_of(names["Config"], options, names.get("__doc__"))
    check(config)
    cache.enable()
    lanes = lane.lanes(config)
    experiment = experiment_of(config, names["build"], source_of(config, names.get("data")))
    check_trainable(experiment, config)
    lane.check_over(names["build"], config, experiment)
    rule_of = lane.rule_of(names["build"], config, experiment)
    print("one update, on each chip: compiled, not run; the times are estimates, by peak figures of the chip")
    for each in slices:
        print(f"\n{plan.describe(plan.plan(experiment, config, lanes, rule_of, each), config)}", flush=True)
