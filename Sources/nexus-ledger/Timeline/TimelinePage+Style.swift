extension TimelinePage {
    /// Light, dark and on paper. Colours are those that people who see few of them can tell apart,
    /// and each line of the chart has dashes of its own.
    static let style: StaticString = """
        :root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#59636e;--rule:#d1d9e0;
        --band:#f6f8fa;--loss:#b3261e;--good:#1a7f37;--bad:#b3261e;--link:#0550ae;
        --s0:#0550ae;--s1:#1a7f37;--s2:#9a6700;--s3:#b3261e;--s4:#8250df;--s5:#0f7480}
        @media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;
        --rule:#3d444d;--band:#151b23;--loss:#ff7b72;--good:#56d364;--bad:#ff7b72;--link:#79b8ff;
        --s0:#79b8ff;--s1:#56d364;--s2:#e3b341;--s3:#ff7b72;--s4:#d2a8ff;--s5:#56d4dd}}
        *{box-sizing:border-box}
        body{margin:0 auto;padding:1.5rem;max-width:110rem;background:var(--paper);
        color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
        .id{font:600 1rem ui-monospace,monospace;margin:.2rem 0 1rem;overflow-wrap:anywhere}
        dl{display:flex;flex-wrap:wrap;gap:.4rem 2rem;margin:0}
        dt{color:var(--soft);font-size:.8rem}dd{margin:0;font-weight:600;overflow-wrap:anywhere}
        a{color:var(--link)}
        #checks{margin:1.25rem 0;padding:.6rem 1rem;border:1px solid var(--rule);
        border-left:.35rem solid var(--good);border-radius:.4rem;background:var(--band)}
        #checks.bad{border-left-color:var(--bad)}
        .verdict{margin:0;font-weight:600}.good .verdict span{color:var(--good)}
        .bad .verdict{color:var(--bad)}
        figure{margin:0}.chart{display:block;width:100%;max-width:75rem;height:auto}
        .grid{stroke:var(--rule);stroke-width:1}.zero{stroke:var(--soft)}
        .tick,.axis{fill:var(--soft);font:11px system-ui,sans-serif}
        .axis{font-size:12px}.end{text-anchor:end}.middle{text-anchor:middle}
        .line{fill:none;stroke-width:1.6;stroke-linejoin:round}
        .line.s0{stroke-width:2.4}
        .s0{stroke:var(--s0);color:var(--s0)}.s1{stroke:var(--s1);color:var(--s1);
        stroke-dasharray:7 3}.s2{stroke:var(--s2);color:var(--s2);stroke-dasharray:2 3}
        .s3{stroke:var(--s3);color:var(--s3);stroke-dasharray:9 3 2 3}
        .s4{stroke:var(--s4);color:var(--s4);stroke-dasharray:4 2}
        .s5{stroke:var(--s5);color:var(--s5);stroke-dasharray:1 2}
        .dot{fill:currentColor;stroke:none}.hit{fill:transparent;stroke:none}
        .hit:hover{fill:currentColor;fill-opacity:.35}
        .legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.6rem;margin:.4rem 0 0;
        padding:0;font-variant-numeric:tabular-nums}
        .swatch{width:1.75rem;height:.4rem;margin-right:.5rem;vertical-align:middle}
        .scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:.4rem}
        table{border-collapse:collapse;width:100%;font-size:.82rem;
        font-variant-numeric:tabular-nums}
        caption{text-align:left;padding:.5rem .7rem;color:var(--soft);white-space:nowrap}
        th,td{padding:.3rem .7rem;border-top:1px solid var(--rule);text-align:left;
        vertical-align:top;white-space:nowrap}
        thead th{background:var(--band);color:var(--soft);font-weight:600}
        .n{text-align:right}.loss{color:var(--loss)}
        .what,#explained td:last-child{white-space:normal;min-width:20rem;overflow-wrap:anywhere}
        .note{display:block;color:var(--soft);font-size:.95em}
        .hash,details code{font:.92em ui-monospace,monospace}
        tr.voided td,tr.voided th{color:var(--soft)}tr.voided s{text-decoration-thickness:2px}
        tr.buffered th{box-shadow:inset .25rem 0 var(--s2)}
        tr.failing th,tr.unfolded th{box-shadow:inset .25rem 0 var(--bad)}
        tr:target td,tr:target th{background:var(--band);outline:1px solid var(--link)}
        details ul{margin:.3rem 0;padding-left:1rem;list-style:none}
        details code{display:block;color:var(--soft);padding-left:1.2em}
        summary{cursor:pointer}.fails{color:var(--bad);font-weight:600}
        .conclusion{margin:.4rem 0 0;font-weight:600}
        footer{margin-top:2rem;color:var(--soft);font-size:.85rem}
        @media print{@page{size:A3 landscape;margin:10mm}
        :root{--paper:#fff;--ink:#000;--soft:#444;--rule:#bbb;--band:#fff;--loss:#8f1d16;
        --good:#155f2b;--bad:#8f1d16;--link:#000;--s0:#0550ae;--s1:#1a7f37;--s2:#9a6700;
        --s3:#b3261e;--s4:#8250df;--s5:#0f7480}
        body{padding:0;max-width:none;font-size:9pt}.scroll{overflow:visible;border:0}
        table{font-size:6pt}th,td{padding:.1rem .3rem}.what{min-width:0}
        .hash{white-space:normal;overflow-wrap:anywhere}
        thead{display:table-header-group}tr,figure{break-inside:avoid}.hit{display:none}}

        """
}
