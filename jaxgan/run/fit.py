"""Training without a script, in a notebook or a function; without a run folder unless `out` is given."""

import contextlib
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from jaxgan import reading, terminal
from jaxgan.errors import Refused
from jaxgan.folder import codec, create
from jaxgan.folder.checkpoint import Checkpoints
from jaxgan.folder.folder import Folder
from jaxgan.folder.lock import lock_folder
from jaxgan.folder.manifest import read_manifest
from jaxgan.folder.rows import read
from jaxgan.folder.settings import RESUMABLE, Settings, check, check_seed
from jaxgan.games.game import State
from jaxgan.run.check import check_experiment
from jaxgan.run.devices import choose_devices
from jaxgan.run.experiment import Experiment
from jaxgan.run.interrupt import Interrupted
from jaxgan.run.loop import Fitted, train
from jaxgan.run.program import check_trainable, placeholder, start_shapes
from jaxgan.run.run import Run
from jaxgan.run.sample import sampler, truncated
from jaxgan.run.trouble import NotFinite
from jaxgan.scale.processes import broadcast


def fit(
    experiment: Experiment,
    steps: int = 2000,
    *,
    seed: int = 0,
    batch_size: int = 64,
    micro_batches: int = 1,
    out: str | Path | None = None,
    log_every: int = 50,
    save_every: int = 500,
    sample_every: int = 500,
    keep: int = 2,
    on_nan: Literal["stop", "skip"] = "stop",
    devices: int = 0,
    bar: bool = True,
) -> Fitted:
    """Trains an experiment up to `steps` and returns the final state and the logged rows.

    Without `out` nothing is written. With it, `out` is a run folder like that of a script, but without a
    script: the same call resumes it bit for bit, up to more steps, or returns its result if it has made these
    steps. The numbers equal those of `jg.main` with the same experiment, seed and batches. Hooks and stop
    rules are called; `bar=False` prints nothing. Raises `jg.NotFinite` if a loss or the state is not finite,
    unless `on_nan="skip"` discards such updates.

    >>> import optax
    >>> import jaxgan as jg
    >>> game = jg.gan(
    ...     jg.from_linen(jg.models.mlp.Generator(shape=(2,), widths=(8,))),
    ...     jg.from_linen(jg.models.mlp.Discriminator(widths=(8,))),
    ...     latent=jg.latents.normal(2),
    ...     objective=jg.objectives.non_saturating(),
    ... )
    >>> ring = jg.Experiment(jg.alternating(game, optax.adam(1e-3), optax.adam(1e-3)), jg.load("ring"))
    >>> fitted = fit(ring, steps=4, log_every=2, bar=False)
    >>> int(fitted.state.step), jg.sample(ring, fitted, n=5).shape
    (4, (5, 2))
    """
    settings = Settings(
        steps=steps,
        seed=seed,
        out="" if out is None else str(out),
        data="",  # the experiment has its own source
        batch_size=batch_size,
        micro_batches=micro_batches,
        log_every=log_every,
        save_every=save_every,
        sample_every=sample_every,
        keep=keep,
        on_nan=on_nan,
        devices=devices,
    )
    check(settings)
    if on_nan not in ("stop", "skip"):
        raise Refused(f'on_nan must be "stop" or "skip" in jg.fit, not {on_nan!r}')
    check_experiment(experiment)
    check_trainable(experiment, settings)
    choose_devices(settings, 0)
    with contextlib.ExitStack() as stack:
        folder = None
        if out is not None:
            path = Path(out)
            broadcast(lambda: stack.enter_context(lock_folder(path)))
            folder = broadcast(lambda: _open(path, settings, experiment))
            if result := _finished(folder, settings, experiment):
                return result
        stack.enter_context(terminal.tolerant_streams())
        try:
            return train(Run(experiment, settings, folder, bar=bar))
        except NotFinite as error:
            raise NotFinite(f'{error}; on_nan="skip" discards such updates') from None
        except Interrupted as stop:
            if stop.code == 128 + signal.SIGINT:
                raise KeyboardInterrupt(f"saved; the same jg.fit goes on with {out}") from None
            print(f"{stop}: saved; the same jg.fit goes on with {out}", file=sys.stderr)
            sys.exit(stop.code)


def sample(
    experiment: Experiment,
    fitted: Fitted | State,
    *,
    n: int = 64,
    seed: int = 0,
    given: Mapping[str, np.ndarray] | None = None,
    truncation: float | None = None,
) -> np.ndarray:
    """Returns n samples [n, ...] of the averaged generator, those of `jaxgan sample`.

    The i-th is the same for every n. Conditions come from the data, or from `given`: arrays by leaf name,
    repeated as often as needed. `truncation` is that of `jaxgan sample --truncation`.
    """
    check_seed(seed)
    game = experiment.game if truncation is None else truncated(experiment.game, truncation)
    draw = sampler(game, experiment.source)
    return draw(state_of(fitted).generator, n, seed, given=given)


def state_of(fitted: Fitted | State) -> State:
    """Returns the state in a `Fitted`, or the state itself."""
    return fitted.state if isinstance(fitted, Fitted) else fitted


def _open(path: Path, settings: Settings, experiment: Experiment) -> Folder:
    """Returns a new run folder, or an existing one; refuses one that the same call has not made."""
    folder, source = Folder(path.absolute()), experiment.source
    if not folder.config.exists():
        about = {"fingerprint": source.fingerprint, "note": source.note}
        return create.create(path, None, codec.dumps(settings), settings.seed, about)
    manifest = read_manifest(folder)
    if manifest.script:
        raise Refused(f"{path} is the run of a script: go on with `jaxgan resume {path}`")
    create.check_config(folder, force=False)
    try:
        old = codec.loads(reading.content(folder.config), Settings, str(folder.config))
    except OSError as error:
        raise Refused(f"{folder.config} cannot be read: {error.strerror}") from None
    changed = codec.differences(settings, old)
    other = [f"{name} {was!r} -> {now!r}" for name, (now, was) in changed.items() if name not in RESUMABLE]
    if other:
        raise Refused(
            f"{path} was started with other options: {', '.join(other)}; use the same ones, or another out"
        )
    if manifest.data.fingerprint != source.fingerprint:
        raise Refused(f"the data have changed since {path} was started: choose another out")
    return folder


def _finished(folder: Folder, settings: Settings, experiment: Experiment) -> Fitted | None:
    """Returns the result in the folder if it has made these steps already, otherwise None."""
    if not folder.checkpoints.is_dir():
        return None
    with Checkpoints(folder.checkpoints, run=read_manifest(folder).id) as checkpoints:
        last = max(checkpoints.steps(), default=None)
        if last is None or last < settings.steps:
            return None
        if last > settings.steps:
            raise Refused(f"{folder.path} has made {last} steps already: ask for at least as many")
        like: Any = jax.tree.map(placeholder, start_shapes(experiment, settings))
        return Fitted(checkpoints.at(last, like), read(folder.metrics))
