"""The report's style and its few lines of script. Nothing is loaded; colours follow the reader's light or dark setting."""

CSS = """
:root { color-scheme: light dark; --bg:#f7f8fa; --card:#fff; --ink:#1b2430; --soft:#5b6675; --line:#dfe3e8; --grid:#e9edf1;
  --read:#2563c9; --write:#c2570c; --file:#7a3fc0; --one:#7c8aa0; --two:#0f8a75; --none:#d03a3a; --good:#157a4d; --bad:#c02626;
  --warn:#9a6700; --critical:#2563c9; --beside:#9dbdf0; --shade:#d03a3a14; --goodbg:#e3f5ec; --badbg:#fdeaea; --warnbg:#fdf3dc; }
@media (prefers-color-scheme: dark) { :root { --bg:#11151b; --card:#191f28; --ink:#e6eaf0; --soft:#9aa7b7; --line:#2c3541;
  --grid:#242c37; --read:#6ea8ff; --write:#f0954f; --file:#b58cf0; --one:#8795a8; --two:#3cc4ab; --none:#f07070; --good:#58cf98;
  --bad:#f58a8a; --warn:#e8bd5a; --critical:#6ea8ff; --beside:#37537f; --shade:#f0707022; --goodbg:#15352a; --badbg:#3d1f22;
  --warnbg:#3a301a; } }
* { box-sizing: border-box; }
body { margin:0; background:var(--bg); color:var(--ink); font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; }
main { max-width:1060px; margin:0 auto; padding:28px 20px 60px; }
h1 { font-size:1.55rem; line-height:1.25; margin:.5rem 0 .25rem; letter-spacing:-.01em; }
h2 { font-size:1.1rem; margin:0 0 .35rem; }
p { margin:.3rem 0 .7rem; } .soft { color:var(--soft); } small, .small { font-size:.86rem; }
section { background:var(--card); border:1px solid var(--line); border-radius:12px; padding:18px 20px; margin:16px 0; }
.badge { display:inline-block; padding:.12rem .7rem; border-radius:99px; font-weight:650; letter-spacing:.03em;
  text-transform:uppercase; }
.badge.valid { background:var(--goodbg); color:var(--good); } .badge.invalid { background:var(--badbg); color:var(--bad); }
.badge.unknown { background:var(--warnbg); color:var(--warn); }
.cards { display:grid; grid-template-columns:repeat(auto-fit,minmax(150px,1fr)); gap:12px; margin:18px 0 4px; padding:0; }
.card { background:var(--card); border:1px solid var(--line); border-radius:12px; padding:12px 14px; }
.card dt { color:var(--soft); font-size:.84rem; } .card dd { margin:0; font-size:1.5rem; font-weight:620; letter-spacing:-.02em; }
.card dd small { display:block; font-weight:400; letter-spacing:0; color:var(--soft); font-size:.8rem; line-height:1.35; }
.bad { color:var(--bad); } .good { color:var(--good); } .warn { color:var(--warn); }
ul.reasons { margin:.4rem 0; padding-left:1.2rem; }
.scroll { overflow-x:auto; }
table { border-collapse:collapse; width:100%; font-size:.9rem; font-variant-numeric:tabular-nums; }
th, td { text-align:left; padding:.34rem 1.1rem .34rem 0; border-bottom:1px solid var(--line); vertical-align:top; }
th { color:var(--soft); font-weight:550; white-space:nowrap; } td.n, th.n { text-align:right; white-space:nowrap; }
tr:last-child td { border-bottom:0; }
details { margin-top:.5rem; } summary { cursor:pointer; color:var(--soft); font-size:.86rem; }
code, .ids { font:.84rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; overflow-wrap:anywhere; }
.chart { width:100%; height:auto; display:block; margin-top:.3rem; font:12px system-ui,sans-serif; }
.chart text { fill:var(--soft); } .grid { stroke:var(--grid); } .axis { stroke:var(--soft); }
.line { fill:none; stroke-width:2; stroke-linejoin:round; } .line.thin { stroke-width:1.2; opacity:.65; }
.read { stroke:var(--read); } .write { stroke:var(--write); stroke-dasharray:7 3; }
.file { stroke:var(--file); stroke-dasharray:2 3; }
.chart .label { font-weight:600; stroke:none; } .chart .label.read { fill:var(--read); } .chart .label.write { fill:var(--write); }
.chart .label.file { fill:var(--file); }
.marker { stroke:var(--soft); stroke-dasharray:3 3; } .marker.loss { stroke:var(--bad); stroke-dasharray:none; stroke-width:1.5; }
.marker.back { stroke:var(--good); stroke-dasharray:none; stroke-width:1.5; } .chart .mark { fill:var(--ink); font-size:11px; }
.shade { fill:var(--shade); } .m0 { fill:var(--one); } .m1 { fill:var(--two); } .m2 { fill:var(--file); }
.none { fill:var(--none); }
.key { display:inline-block; width:.8em; height:.8em; border-radius:2px; margin:0 .35em 0 .9em; vertical-align:-.06em; }
.key.m0 { background:var(--one); } .key.m1 { background:var(--two); } .key.m2 { background:var(--file); }
.key.none { background:var(--none); }
.key.critical { background:var(--critical); } .key.beside { background:var(--beside); } .key.failed { background:var(--none); }
.key.aside { background:var(--line); outline:1px solid var(--soft); outline-offset:-1px; }
.key.p-detect { background:#c98a1b; } .key.p-decide { background:#a86fd1; } .key.p-act { background:#2f6fd0; }
.key.p-prove { background:#138a75; } .key.p-clients { background:#5d6b7c; } .keys .key:first-child { margin-left:0; }
.phase.p-detect { fill:#c98a1b; } .phase.p-decide { fill:#a86fd1; } .phase.p-act { fill:#2f6fd0; } .phase.p-prove { fill:#138a75; }
.phase.p-clients { fill:#5d6b7c; } .chart .inbar { fill:#fff; font-weight:600; } .chart .lane { fill:var(--ink); font-size:12.5px; }
.chart .lane.muted { fill:var(--soft); font-style:italic; } .step.critical { fill:var(--critical); }
.step.beside { fill:var(--beside); }
.step.failed { fill:var(--none); }
.step.aside { fill:var(--line); stroke:var(--soft); stroke-width:.7; }
.step.serial { fill:none; stroke:var(--soft); stroke-dasharray:3 2; }
.tip { position:fixed; pointer-events:none; background:var(--ink); color:var(--bg); padding:.2rem .5rem; border-radius:6px;
  font-size:.8rem; display:none; z-index:2; }
.two-sides { display:grid; grid-template-columns:repeat(auto-fit,minmax(300px,1fr)); gap:0 28px; }
footer { color:var(--soft); font-size:.84rem; margin-top:1.4rem; }
@media (max-width:700px) { .chart { min-width:620px; } .scroll { -webkit-overflow-scrolling:touch; } }
@media print { :root { --bg:#fff; --card:#fff; } body { font-size:11pt; } main { max-width:none; padding:0; }
  section, .card { break-inside:avoid; } details:not([open]) { display:none; } .tip { display:none !important; } }
"""

JS = """
const tip = document.createElement('div'); tip.className = 'tip'; document.body.append(tip);
for (const svg of document.querySelectorAll('svg[data-slices]')) {
  const slices = JSON.parse(svg.dataset.slices);
  svg.addEventListener('mousemove', event => {
    const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * 960;
    const near = slices.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
    tip.textContent = near[1]; tip.style.display = 'block';
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
    tip.style.top = event.clientY + 14 + 'px';
  });
  svg.addEventListener('mouseleave', () => { tip.style.display = 'none'; });
}
"""
