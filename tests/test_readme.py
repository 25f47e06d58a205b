"""What the README and the pages of docs/ show works: the script trains, and each part of one's own learns."""

import runpy

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from pages import PAGES, README, blocks

import jaxgan as jg
from jaxgan.cli import main
from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.source import batch
from jaxgan.evaluate.extractor import raw
from jaxgan.evaluate.panel import panel
from jaxgan.folder.rows import read
from jaxgan.models import mlp
from jaxgan.run.written import default_suffix, write_samples

BLOCKS = [code for page in PAGES for code in blocks(page)]


def block(word):
    """The names that the one block with this word defines."""
    [code] = [b for b in BLOCKS if word in b]
    names: dict = {}
    exec(compile(code, f"the block with {word}", "exec"), names)
    return names


def learns(source=None, rule=jg.alternating, **parts):
    """A small GAN with these parts, played for some steps: all is finite, and both players move."""
    parts = {
        "generator": jg.from_linen(mlp.Generator(shape=(2,), widths=(8,))),
        "discriminator": jg.from_linen(mlp.Discriminator(widths=(8,))),
        "latent": jg.latents.normal(2),
        "objective": jg.objectives.non_saturating(),
        **parts,
    }
    game = jg.gan(**parts)
    played = rule(game, optax.adam(1e-2), optax.adam(1e-2))
    source = source or block("moons")["moons"]()
    data = [batch(source, (1, 1, 16), source.arrays, jax.random.key(0), step) for step in range(3)]
    state = jax.jit(played.init)(jax.random.key(0), data[0])
    first, update = state, jax.jit(played.update)
    for batches in data:
        state, metrics = update(state, batches)
        assert all(np.isfinite(float(m)) for m in metrics.values())
    for who in ("g", "d"):
        moved = jax.tree.map(
            lambda a, b: float(jnp.abs(a - b).max()), getattr(first, who), getattr(state, who)
        )
        assert max(jax.tree.leaves(moved)) > 0
    return state


def trained(monkeypatch, folder, name, *options):
    """A run of the README's script, of a few steps."""
    [script] = [b for b in BLOCKS if "jg.main(Config, build)" in b]
    assert len(script.strip().splitlines()) <= 46
    (folder / "mine.py").write_text(script)
    short = ["--steps", "3", "--batch-size", "16", "--log-every", "1", "--out", str(folder / name)]
    monkeypatch.setattr("sys.argv", ["mine.py", *short, *options])
    runpy.run_path(str(folder / "mine.py"), run_name="__main__")
    return folder / name


def test_the_experiment_trains(tmp_path, monkeypatch):
    logged = read(trained(monkeypatch, tmp_path, "run") / "metrics.jsonl")
    assert [row.step for row in logged if "d/adv" in row.numbers] == [1, 2, 3]
    assert {row.step for row in logged if "sliced_wasserstein" in row.numbers} == {0, 3}


@pytest.mark.slow
def test_the_experiment_is_served_by_every_look_at_runs(tmp_path, monkeypatch, capsys):
    """What docs/measuring.md says of runs/mine: its best checkpoint, and which of two is better."""
    mine = str(trained(monkeypatch, tmp_path, "mine"))
    other = str(trained(monkeypatch, tmp_path, "other", "--lr", "1e-3"))
    for command in (
        ["evaluate", mine, "--at", "best", "--n", "200"],
        ["diagnose", mine, "--at", "best,last", "--batches", "2", "--steps", "1", "--products", "50"],
        ["compare", mine, other],
    ):
        monkeypatch.setattr("sys.argv", ["jaxgan", *command])
        main()
    text = capsys.readouterr().out
    assert "sliced_wasserstein, while training" in text


def test_your_own_objective():
    learns(objective=block("exponential")["exponential"]())


def test_your_own_term():
    state = learns(d_terms=[block("def lecam")["lecam"]()])
    assert float(jnp.abs(state.extra["d"][0][0])) > 0  # it remembers


def test_your_own_kind(tmp_path):
    leaf = block("Graph")["leaves"]["x"]
    graphs = np.random.RandomState(0).rand(100, *leaf.shape).astype(np.float32).round()
    assert jg.drawn(leaf.kind, graphs).shape == leaf.shape
    path = write_samples(leaf.kind, graphs, tmp_path / f"samples{default_suffix(leaf.kind)}")
    np.testing.assert_array_equal(np.loadtxt(path).reshape(graphs.shape), graphs)
    source = arrays(graphs)._replace(leaves={"x": leaf})
    assert "coverage" in panel(source, source, raw(), n=50).oracle()[0]


def test_your_own_augmentation():
    augment, x = block("turned")["augment"], jnp.arange(64.0).reshape(8, 8, 1)
    seen = jax.vmap(augment, (0, None))(jax.random.split(jax.random.key(0), 40), x)
    assert len({np.asarray(picture).tobytes() for picture in seen}) > 20  # of 4 times 9
    learns(
        load("digits"),
        generator=jg.from_linen(mlp.Generator(shape=(8, 8, 1), widths=(8,))),
        augment=augment,
    )


def test_your_own_network():
    learns(discriminator=block("Critic")["critic"])


def test_your_own_head():
    learns(**block("auxiliary = {")["auxiliary"])


def test_your_own_condition():
    masked, moons = block("masked = jg.Conditioning")["masked"], block("moons")["moons"]()

    def take(arrays, key, number):
        taken = moons.take(arrays, key, number)
        return {**taken, "mask": (taken["x"] > 0).astype(jnp.float32)}

    source = moons._replace(take=take, leaves={**moons.leaves, "mask": moons.leaves["x"]})
    learns(source, conditioning=masked)


def test_your_own_second_discriminator():
    game = block("two_critics")["two_critics"]
    state = learns(rule=lambda _, *optimisers: jg.alternating(game, *optimisers))
    assert state.d.params.keys() == {"wide", "deep"}


def test_your_own_prior():
    latent, keys = block("clusters")["latent"], jax.random.split(jax.random.key(0), 100)
    z = jax.vmap(latent.draw)(keys)
    assert set(np.asarray(z).argmax(axis=-1)) == {0, 1, 2, 3}


def test_your_own_data_set():
    moons = block("moons")["moons"]()
    two = (
        batch(moons, (500,), moons.arrays, jax.random.key(0), 0),
        batch(moons, (500,), moons.arrays, jax.random.key(0), 1),
    )
    assert len({tuple(x) for b in two for x in np.asarray(b["x"]).round(4).tolist()}) > 990  # an epoch
    learns(moons, conditioning=jg.conditioning.concatenation(2))


def test_your_own_rule():
    learns(rule=block("patient")["patient"])


@pytest.mark.parametrize("command", ["experiments/digits.py", "-m pytest -n 2 --dist loadfile"])
def test_the_commands_stand_alone(command):
    [line] = [
        x for x in README.read_text().splitlines() if x.startswith("python3 -m venv") and x.endswith(command)
    ]
    assert "-c constraints.txt" in line
