/* The style sheet.
 *
 * Data are blue and samples vermilion everywhere (Okabe and Ito's colour-blind-safe set; lighter relatives of
 * the same hues on dark), and never told apart by colour alone: shape, place or label differs too. */
#include "report/style.h"

static const char colours[] =
    ":root{color-scheme:light dark;--page:#f5f6f8;--paper:#fff;--ink:#1b2430;--muted:#586372;--rule:#dfe3e8;"
    "--grid:#eceff2;--c0:#0072b2;--c1:#d55e00;--c2:#00805f;--c3:#b5568f;--c4:#b07a00;--c5:#3b8fc2;"
    "--ok:#00704f;--warn:#a84600;--dot:.42;--t0:#a3abb5;--t1:#9399b8;--t2:#8586ba;--t3:#7d70b6;--t4:#8a5aa6;"
    "--t5:#a34d86;--t6:#bf4f55;--t7:#d55e00;--d1:#e4eef7;--d2:#c3dcf0;--d3:#96c1e3;--d4:#63a2d3;--d5:#3a81bd;"
    "--d6:#1d5d9b;--d7:#0c376e}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--page:#11151a;--paper:#191f27;--ink:#e5e9ee;"
    "--muted:#9ba7b4;--rule:#2e3742;--grid:#262e38;--c0:#5ab4ec;--c1:#f58a3c;--c2:#35c79d;--c3:#e29ac5;--c4:#"
    "eebb4d;"
    "--c5:#9ad2f5;--ok:#45cfa4;--warn:#f7a25f;--dot:.5;--t0:#69737f;--t1:#747da0;--t2:#807fbd;--t3:#9380cc;"
    "--t4:#b07fc9;--t5:#cd7db0;--t6:#e5807f;--t7:#f58a3c;--d1:#1c2f42;--d2:#1f4361;--d3:#245c87;--d4:#3079ad;"
    "--d5:#4f9ccf;"
    "--d6:#86c1e9;--d7:#d4ebfb}}\n";

static const char layout[] =
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,\"Segoe "
    "UI\","
    "Roboto,\"Helvetica Neue\",\"Liberation Sans\",Arial,sans-serif;overflow-wrap:break-word}\n"
    "main{max-width:1120px;margin:0 auto;padding:32px 20px 48px}\n"
    "h1{font-size:1.75rem;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}\n"
    "h2{font-size:1.2rem;line-height:1.3;margin:0 0 4px}\n"
    ".subtitle{margin:0;color:var(--muted)}\n"
    ".lead{margin:0 0 16px;color:var(--muted);max-width:90ch;text-wrap:pretty}\n"
    "section{background:var(--paper);border:1px solid var(--rule);border-radius:10px;padding:22px 24px;"
    "margin-top:20px}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,220px),1fr));gap:14px;"
    "margin-top:20px}\n"
    ".card{background:var(--paper);border:1px solid var(--rule);border-radius:10px;padding:14px 18px}\n"
    ".card b{display:block;font-size:1.7rem;line-height:1.25;font-variant-numeric:tabular-nums}\n"
    ".card>span{display:block;color:var(--muted);font-size:.875rem}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,210px),1fr));gap:12px "
    "24px;margin:0}\n"
    "dt{color:var(--muted);font-size:.8125rem}dd{margin:0}\n"
    ".row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:0 20px}\n"
    "h3{font-size:.9375rem;margin:14px 0 6px}\n"
    "pre{margin:0;padding:10px 14px;background:var(--page);border:1px solid var(--rule);border-radius:6px;"
    "font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,\"DejaVu Sans "
    "Mono\",monospace;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "ul{margin:0;padding-left:1.2em}\n"
    "footer{color:var(--muted);font-size:.8125rem;margin-top:20px}\n"
    ".grid{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:24px 32px;align-items:start}\n"
    ".grid.many{grid-template-columns:repeat(auto-fill,minmax(min(100%,230px),1fr));gap:18px 22px}\n"
    ".strip{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:14px 16px}"
    ".of4{grid-template-columns:repeat(4,minmax(0,1fr))}.of5{grid-template-columns:repeat(5,minmax(0,1fr))}"
    ".of6{grid-template-columns:repeat(6,minmax(0,1fr))}\n"
    "figure{margin:0;min-width:0}figure.one{max-width:720px}\n"
    "figure.half{max-width:540px}\n"
    "figcaption{font-size:.875rem;color:var(--muted);margin-bottom:6px}figcaption b{color:var(--ink)}\n"
    "svg{display:block;width:100%;height:auto;overflow:visible}svg svg{overflow:hidden}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:2px 18px;margin:6px 0 0;font-size:.8125rem;color:var(--muted)}\n"
    ".legend span{display:inline-flex;align-items:center;gap:6px}.legend svg.key{width:18px;flex:none}\n"
    ".note{font-size:.8125rem;color:var(--muted);margin:12px 0 0;max-width:90ch}\n";

static const char tables[] =
    "table{width:100%;border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;color:var(--muted);font-size:.875rem;padding-bottom:8px}\n"
    "th,td{padding:8px 10px;border-top:1px solid var(--rule);text-align:left;vertical-align:middle}\n"
    "thead th{border-top:0;color:var(--muted);font-weight:600;font-size:.8125rem;vertical-align:bottom}\n"
    "tbody th{font-weight:600}th:first-child{padding-left:0}td:last-child,th:last-child{padding-right:0}\n"
    ".n{text-align:right}td.n{white-space:nowrap}small{display:block;font-weight:400;color:var(--muted);font-"
    "size:.8125rem}\n"
    "tr.subject{background:var(--page)}tr.subject th:first-child{box-shadow:inset 3px 0 var(--c1);"
    "padding-left:10px}\n"
    "td svg{width:120px;margin-left:auto}.verdict{white-space:nowrap;font-weight:600}\n"
    ".verdict.good{color:var(--ok)}.verdict.above{color:var(--warn)}.verdict.open{color:var(--muted)}\n"
    "table+.legend{margin-top:10px}section>table+h3,section>.note+table,table+.grid{margin-top:20px}\n";

static const char charts[] =
    "svg text{font-size:11px;fill:var(--muted)}svg text.name{font-size:12px;fill:var(--ink)}\n"
    "svg text.strong{fill:var(--ink);font-weight:600}\n"
    ".gridline{stroke:var(--grid);stroke-width:1}.frame{fill:none;stroke:var(--rule);stroke-width:1}\n"
    ".axis{stroke:var(--muted);stroke-width:1}\n"
    "path{fill:none}.dots0,.dots1{stroke-width:3.4;stroke-linecap:round;stroke-opacity:var(--dot)}\n"
    ".dots0{stroke:var(--c0)}.dots1{stroke:var(--c1)}.pairs .dots0,.pairs .dots1{stroke-width:2.4}\n"
    ".hist0{fill:var(--c0);fill-opacity:.22;stroke:var(--c0);stroke-opacity:.55;stroke-width:1}\n"
    ".hist1{stroke:var(--c1);stroke-width:1.8;stroke-linejoin:round}\n"
    ".again{stroke-dasharray:6 "
    "3}.c0,.c1,.c2,.c3,.c4,.c5{stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
    ".c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)"
    "}"
    ".c5{stroke:var(--c5)}\n"
    ".b0{fill:var(--c0)}.b1{fill:var(--c1)}.b2{fill:var(--c2)}.b3{fill:var(--c3)}.b4{fill:var(--c4)}"
    ".b5{fill:var(--c5)}\n"
    ".h0,.h1,.h2,.h3,.h4,.h5{stroke:none;fill-opacity:.16}\n"
    ".h0{fill:var(--c0)}.h1{fill:var(--c1)}.h2{fill:var(--c2)}.h3{fill:var(--c3)}.h4{fill:var(--c4)}"
    ".h5{fill:var(--c5)}\n"
    ".rest{fill:var(--rule)}.track{fill:var(--grid)}.seam{stroke:var(--paper);stroke-width:2}\n"
    ".floor{stroke:var(--muted);stroke-width:1.5;stroke-dasharray:4 "
    "3}.mark{stroke:var(--ink);stroke-width:2}\n"
    ".hollow{fill:var(--paper);stroke:var(--c0);stroke-width:2}.level{stroke:var(--c0);stroke-width:1;"
    "stroke-dasharray:1 4;stroke-linecap:round}\n"
    ".d1,.d2,.d3,.d4,.d5,.d6,.d7{stroke:none;shape-rendering:crispEdges}\n"
    ".d1{fill:var(--d1)}.d2{fill:var(--d2)}.d3{fill:var(--d3)}.d4{fill:var(--d4)}.d5{fill:var(--d5)}.d6{fill:"
    "var(--"
    "d6)}"
    ".d7{fill:var(--d7)}.strip .dots0,.strip .dots1{stroke-width:3}\n"
    ".arrow{stroke:var(--c1);stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round}"
    ".faint{stroke:var(--ink);stroke-width:2.6;stroke-linecap:round;stroke-opacity:.32}\n"
    ".whisker{stroke:var(--ink);stroke-width:1.4}\n"
    ".t0,.t1,.t2,.t3,.t4,.t5,.t6,.t7{stroke-width:1.3;stroke-opacity:.75}\n"
    ".t0{stroke:var(--t0)}.t1{stroke:var(--t1)}.t2{stroke:var(--t2)}.t3{stroke:var(--t3)}.t4{stroke:var(--t4)"
    "}"
    ".t5{stroke:var(--t5)}.t6{stroke:var(--t6)}.t7{stroke:var(--t7)}\n"
    ".start,.end{stroke-linecap:round;stroke-width:4}.start{stroke:var(--t0)}.end{stroke:var(--t7)}\n";

static const char media[] =
    "@media (max-width:700px){main{padding:20px 12px 32px}section{padding:16px 14px}h1{font-size:1.4rem}\n"
    ".strip{grid-template-columns:repeat(2,minmax(0,1fr))}.grid{grid-template-columns:minmax(0,1fr)}.grid."
    "many{grid-template-columns:repeat(2,minmax(0,1fr));gap:"
    "14px}\n"
    "svg text{font-size:13px}svg text.name{font-size:14px}.pairs text,.pairs text.name{font-size:15px}\n"
    ".many text,.strip text{font-size:17px}\n"
    ".dots0,.dots1{stroke-width:4}.pairs .dots0,.pairs .dots1{stroke-width:3}\n"
    ".cards{grid-template-columns:repeat(2,minmax(0,1fr));gap:10px}.card{padding:10px 12px}.card "
    "b{font-size:1.4rem}"
    "dl{grid-template-columns:repeat(2,minmax(0,1fr))}\n"
    "table,caption,tbody,tr,td,tbody "
    "th{display:block}thead{position:absolute;width:1px;height:1px;overflow:hidden;"
    "clip-path:inset(50%)}\n"
    "tr{border-top:1px solid var(--rule);padding:10px 0}tbody th,td,tr.subject th:first-child{border:0;"
    "padding:2px 0}\n"
    "td{display:flex;justify-content:space-between;align-items:center;gap:16px;text-align:right}"
    "td::before{content:attr(data-label);color:var(--muted);text-align:left}\n"
    "tr.subject{padding-left:10px;box-shadow:inset 3px 0 var(--c1)}tr.subject "
    "th:first-child{box-shadow:none}\n"
    "td svg{margin-left:0}td:empty{display:none}}\n"
    "@media "
    "print{body{background:#fff;font-size:11pt}main{max-width:none;padding:0}section,.card{border-color:#ccc;"
    "break-inside:avoid}figure,tr{break-inside:avoid}.rest,.track{print-color-adjust:exact}}\n";

void pf_style_add(pf_text *text) {
  const char *const parts[] = {colours, layout, tables, charts, media};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) pf_text_add(text, "%s", parts[i]);
}

void pf_style_add_chart(pf_text *text) {
  pf_text_add(text, "%s%s", colours, charts);
  pf_text_add(text, "svg{font-family:system-ui,sans-serif}svg svg{overflow:hidden}\n");
}
