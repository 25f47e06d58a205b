"""The benchmark of rules has every rule and measures its time."""

import jaxgan as jg
from benchmarks.rules import RULES, player
from jaxgan.games.toy import bilinear
from jaxgan.models import mlp


def test_every_rule_is_there():
    assert {type(make(bilinear())) for make in RULES.values()} == {jg.Rule}


def test_longer_turns_take_longer():
    game = jg.gan(
        jg.from_linen(mlp.Generator((2,), (8,), final=mlp.identity)),
        jg.from_linen(mlp.Discriminator((8,))),
        latent=jg.latents.normal(2),
        objective=jg.objectives.non_saturating(),
    )
    (short, flops), (long, same) = (player(RULES["optimistic"](game), 16, n) for n in (1, 3000))
    short(), long()  # what is compiled at first use
    assert flops == same > 16 * 2 * 8 * 2
    assert long() > 3 * short()
