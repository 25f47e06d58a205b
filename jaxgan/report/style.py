"""The CSS and JavaScript of a report: light or dark as the reader's system is, and readable on a phone."""

BORDERS = ("solid", "dashed", "dotted", "double")
"""The CSS borders nearest to the first dashes of charts."""

CSS = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --faint: #c9ced6; --paper: #ffffff;
  --card: #f6f8fa; --good: #1a7f37; --look: #9a6700; --bad: #cf222e;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #b87a00; --c5: #2f9ad6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4af; --faint: #3d444d;
  --paper: #0d1117; --card: #161b22; --good: #3fb950; --look: #d29922; --bad: #f85149;
  --c0: #4aa8e0; --c1: #ff8a3d; --c2: #2fc99b; --c3: #e59cc6; --c4: #f0b429; --c5: #8fd3ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-top: .7rem; border-top: 1px solid var(--faint); }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .3rem 0 .7rem; max-width: 75ch; } .soft, small, figcaption { color: var(--soft); }
code { font-size: .88em; overflow-wrap: anywhere; }
.verdict { background: var(--card); border-radius: 8px; padding: .8rem 1rem; margin: .8rem 0; }
.verdict h3 { margin-top: 0; }
.total { font-size: 1.15rem; font-weight: 600; }
.line { display: grid; grid-template-columns: 7.5rem 1fr; padding: .3rem 0; }
.line p { margin: 0; }
.line small { display: block; }
.mark { font-weight: 600; white-space: nowrap; }
.good { color: var(--good); } .look { color: var(--look); } .bad { color: var(--bad); }
.info { color: var(--soft); }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .85rem; }
.charts, .films { display: grid; gap: 1rem; }
.charts { grid-template-columns: repeat(auto-fill, minmax(min(320px, 100%), 1fr)); }
.films { grid-template-columns: repeat(auto-fill, minmax(min(380px, 100%), 1fr)); }
svg { width: 100%; height: auto; display: block; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
svg text { font-family: system-ui, sans-serif; }
img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
.frames { display: flex; gap: .5rem; overflow-x: auto; }
.frames div { flex: none; width: 88%; }
.frames img { width: 100%; }
.play { display: none; gap: .6rem; align-items: center; margin-top: .4rem; }
.play input { flex: 1; min-width: 0; accent-color: var(--c0); }
.play output { min-width: 7em; text-align: right; }
.play button { font: inherit; min-width: 4.5rem; padding: .2rem .6rem; color: inherit;
  background: var(--card); border: 1px solid var(--faint); border-radius: 6px; }
.moving .frames { overflow: hidden; }
.moving .frames div { width: 100%; display: none; }
.moving .frames div.now { display: block; }
.moving .frames small { display: none; }
.moving .play { display: flex; }
.wide { overflow-x: auto; margin-bottom: .6rem; /* a shadow at the edge beyond which there is more */
  background: linear-gradient(to right, var(--paper) 40%, transparent) left / 3rem 100% no-repeat local,
    linear-gradient(to left, var(--paper) 40%, transparent) right / 3rem 100% no-repeat local,
    linear-gradient(to right, var(--faint), transparent) left / 1rem 100% no-repeat scroll,
    linear-gradient(to left, var(--faint), transparent) right / 1rem 100% no-repeat scroll; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--faint);
  vertical-align: top; }
td:last-child { overflow-wrap: anywhere; min-width: 5.5rem; }
tbody th { font-weight: 400; position: sticky; left: 0; background: var(--paper); }
.number { text-align: right; white-space: nowrap; }
td small, th small { display: block; font-weight: 400; }
.key { display: inline-block; margin-right: 1.2rem; }
.key i { display: inline-block; width: 1.6em; vertical-align: middle; margin-right: .4em; }
summary { cursor: pointer; margin: .5rem 0; }
@media (max-width: 600px) { main { padding: .7rem; } .line { display: block; } .line p { display: inline; } }
"""

SCRIPT = """
for (const film of document.querySelectorAll('.film')) {
  const frames = [...film.querySelectorAll('.frames div')], slider = film.querySelector('input'),
        button = film.querySelector('button'), label = film.querySelector('output');
  let timer = null;
  const show = n => { frames.forEach((f, i) => f.classList.toggle('now', i === n)); slider.value = n;
    label.textContent = 'step ' + frames[n].dataset.step; };
  const stop = () => { clearInterval(timer); timer = null; button.textContent = 'Play'; };
  slider.addEventListener('input', () => { stop(); show(+slider.value); });
  button.addEventListener('click', () => {
    if (timer) return stop();
    button.textContent = 'Pause';
    if (+slider.value === frames.length - 1) show(0);
    const next = () => +slider.value + 1 < frames.length ? show(+slider.value + 1) : stop();
    timer = setInterval(next, 350);
  });
  film.classList.add('moving'); show(frames.length - 1);
}
"""
