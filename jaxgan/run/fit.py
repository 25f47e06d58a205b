"""Training in a notebook or a function of one's own: no script, and no folder unless asked for."""

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
from jaxgan.run.check import checked
from jaxgan.run.devices import choose_devices
from jaxgan.run.experiment import Experiment
from jaxgan.run.interrupt import Interrupted
from jaxgan.run.loop import Fitted, train
from jaxgan.run.program import check_trainable, placeholder, start_shapes
from jaxgan.run.run import Run
from jaxgan.run.sample import sampler
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
    """Trains an experiment for so many steps in all: the state it comes to, and the rows that were logged.

    Without `out` nothing is written. With it, it is a run folder as that of a script, but without a script:
    the same call goes on with it bit for bit, up to more steps, or gives back what it holds. The numbers are
    those of the run that `jg.main` makes of the same experiment, seed and batches. Hooks are called and stop
    rules asked; `bar=False` is silent. A loss or state that is not finite raises `jg.NotFinite`, unless
    `on_nan="skip"` throws such updates away.

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
        data="",  # what the experiment has
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
        raise Refused(f'on_nan is "stop" or "skip" here, not {on_nan!r}')
    checked(experiment)
    check_trainable(experiment, settings)
    choose_devices(settings, 0)
    with contextlib.ExitStack() as stack:
        if out is None:
            folder = None
        else:
            path = Path(out)
            broadcast(lambda: stack.enter_context(lock_folder(path)))
            folder = broadcast(lambda: _opened(path, settings, experiment))
            if made := _made(folder, settings, experiment):
                return made
        stack.enter_context(terminal.tolerant_streams())
        try:
            return train(Run(experiment, settings, folder, bar=bar))
        except NotFinite as error:
            raise NotFinite(f'{error}; on_nan="skip" throws such updates away') from None
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
) -> np.ndarray:
    """n samples of the averaged generator [n, ...], the i-th the same whatever n; those of `jaxgan sample`.

    What the game is conditional on comes from the data, or is `given`: leaves by name, round and round.
    """
    check_seed(seed)
    draw = sampler(experiment.game, experiment.source)
    return draw(state_of(fitted).generator, n, seed, given=given)


def state_of(fitted: Fitted | State) -> State:
    """The state of what `fit` returns, or of a run that was made otherwise."""
    return fitted.state if isinstance(fitted, Fitted) else fitted


def _opened(path: Path, settings: Settings, experiment: Experiment) -> Folder:
    """The folder to go on with, or a new one; refused where it is not what this call has made."""
    folder, source = Folder(path.absolute()), experiment.source
    if not folder.config.exists():
        about = {"fingerprint": source.fingerprint, "note": source.note}
        return create.create(path, None, codec.dumps(settings), settings.seed, about)
    manifest = read_manifest(folder)
    if manifest.script:
        raise Refused(f"{path} is the run of a script: go on with `jaxgan resume {path}`")
    create.check_config(folder, force=False)
    old = codec.loads(_content(folder.config), Settings, str(folder.config))
    changed = codec.differences(settings, old)
    other = [f"{name} {was!r} -> {now!r}" for name, (now, was) in changed.items() if name not in RESUMABLE]
    if other:
        raise Refused(
            f"{path} was begun otherwise: {', '.join(other)}; call jg.fit as then, or choose another out"
        )
    if manifest.data.fingerprint != source.fingerprint:
        raise Refused(f"the data are not what they were when {path} was begun: choose another out")
    return folder


def _content(path: Path) -> bytes:
    try:
        return reading.content(path)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None


def _made(folder: Folder, settings: Settings, experiment: Experiment) -> Fitted | None:
    """What the folder holds, where that has made these steps already."""
    if not folder.checkpoints.is_dir():
        return None
    with Checkpoints(folder.checkpoints, run=read_manifest(folder).id) as checkpoints:
        last = max(checkpoints.steps(), default=None)
        if last is None or last < settings.steps:
            return None
        if last > settings.steps:
            raise Refused(f"{folder.path} has made {last} steps already: ask for as many, or more")
        like: Any = jax.tree.map(placeholder, start_shapes(experiment, settings))
        return Fitted(checkpoints.at(last, like), read(folder.metrics))
