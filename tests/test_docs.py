"""The README and the pages of docs/, run as they stand, and a notebook from load to a picture."""

from pathlib import Path

import nbclient
import nbformat
import pytest
from pages import DOCS, HOME, PAGES, blocks, name

NOTEBOOK = (
    """
import optax

import jaxgan as jg

source = jg.load("ring")
""",
    """
mlp = jg.models.mlp
game = jg.gan(
    jg.from_linen(mlp.Generator(shape=source.shape, widths=(16,), final=mlp.identity)),
    jg.from_linen(mlp.Discriminator(widths=(16,))),
    latent=jg.latents.normal(2),
    objective=jg.objectives.non_saturating(),
)
adam = optax.adam(1e-3)
experiment = jg.Experiment(jg.alternating(game, adam, adam), source)
fitted = jg.fit(experiment, steps=50, log_every=10)
[row.step for row in fitted.history]
""",
    """
from PIL import Image

Image.fromarray(jg.drawn(source.kind, jg.sample(experiment, fitted, n=500), jg.data.examples(source, 500)))
""",
)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name)
def test_a_page_runs_as_it_stands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for number, code in enumerate(blocks(page)):
        exec(compile(code, f"{page.name}, block {number}", "exec"), names)


def test_the_loop_is_as_short_as_it_says() -> None:
    [loop] = [code for code in blocks(DOCS / "loop.md") if "rule.update" in code]
    assert len([line for line in loop.splitlines() if line.strip()]) <= 14


def test_a_notebook_from_load_to_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HOME))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in NOTEBOOK])
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    _, trained, drawn = notebook.cells
    text = "".join(output.get("text", "") for output in trained.outputs)
    assert "50/50" in text  # the bar
    assert "step 10/50" not in text  # and no lines beside it
    assert trained.outputs[-1]["data"]["text/plain"] == "[10, 20, 30, 40, 50]"
    [picture] = [output for output in drawn.outputs if "image/png" in output.get("data", {})]
    assert picture["data"]["image/png"]
    assert not [path.name for path in tmp_path.iterdir() if path.name != "ipython"]  # nothing is kept
