// SPDX-License-Identifier: MIT
// chart.mjs: draws the means of bench/results/TARGET.csv, time and memory beside other allocators, as an SVG: for the
// README. Observable Plot draws it, in headless Chromium. `make chart` runs it.
//
//     node bench/chart.mjs FOLDER CSV SVG      FOLDER: where tools/setup-npm.sh has put node_modules
import {readFileSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";

const [folder, csv, svg] = process.argv.slice(2);
const {chromium} = createRequire(`${folder}/package.json`)("playwright-core");

// Runs in the browser. The means are those of bench/report.py: of the ratios to the first allocator, over the programs
// that both passed, of the best time and of the median of the peaks.
function draw(text) {
    const runs = d3.csvParse(text, d3.autoType), base = runs[0].allocator;
    const figures = (measure, allocator) =>
        d3.rollup(runs.filter(run => run.allocator === allocator), measure, run => run.program);
    const measures = [
        {name: "time", of: group => d3.min(group, run => run.seconds)},
        {name: "peak memory", of: group => d3.median(group, run => run.peak_kib)},
    ];
    const rows = measures.flatMap(({name, of}) => {
        const own = figures(of, base);
        return Array.from(new Set(runs.map(run => run.allocator)), allocator => {
            const ratios = Array.from(figures(of, allocator), ([program, figure]) => figure / own.get(program));
            return {measure: name, allocator, ratio: Math.exp(d3.mean(ratios.filter(Number.isFinite), Math.log))};
        });
    });
    const order = d3.groupSort(rows.filter(row => row.measure === "time"), ([row]) => row.ratio, row => row.allocator);
    const plot = Plot.plot({
        width: 760,
        height: 44 + 24 * order.length,
        marginLeft: 120,
        marginRight: 40,
        marginTop: 32,
        marginBottom: 8,
        style: {background: "white", color: "black", fontFamily: "sans-serif", fontSize: "13px"},
        fx: {label: null, axis: "top", domain: measures.map(measure => measure.name), padding: 0.14,
             tickFormat: name => `${name}, ${base} = 1, lower is better`},
        x: {axis: null, domain: [0, d3.max(rows, row => row.ratio) * 1.05]},
        y: {label: null, domain: order, tickSize: 0, tickFormat: name => name === "brainmm" ? "BrainMM" : name},
        marks: [
            Plot.barX(rows, {fx: "measure", x: "ratio", y: "allocator",
                             fill: row => row.allocator === "brainmm" ? "#d55e00" : "#8a8a8a"}),
            Plot.text(rows, {fx: "measure", x: "ratio", y: "allocator", text: row => row.ratio.toFixed(2),
                             textAnchor: "start", dx: 4}),
            Plot.ruleX([1], {stroke: "black", strokeOpacity: 0.3}),
        ],
    });
    plot.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    plot.querySelector("style")?.remove();
    plot.setAttribute("fill", "currentColor");
    plot.prepend(Object.assign(document.createElementNS("http://www.w3.org/2000/svg", "title"), {
        textContent: `Geometric means of ${new Set(runs.map(run => run.program)).size} programs`}));
    return new XMLSerializer().serializeToString(plot);
}

const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: ["--no-sandbox"]});
try {
    const page = await browser.newPage();
    for (const library of ["d3/dist/d3.min.js", "@observablehq/plot/dist/plot.umd.min.js"])
        await page.addScriptTag({path: `${folder}/node_modules/${library}`});
    const text = await page.evaluate(draw, readFileSync(csv, "utf8"));
    writeFileSync(svg, text.replaceAll("><", ">\n<") + "\n");
} finally {
    await browser.close();
}
