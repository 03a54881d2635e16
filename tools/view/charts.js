// SPDX-License-Identifier: MIT
// charts.js: the charts, by Observable Plot, and the tables beside them.
"use strict";

const STATE_COLOURS = {
    live: "#0072b2",
    free: "#e69f00",
    cached: "#56b4e9",
    overhead: "#8a8a8a",
    untouched: "#56b4e9",
    rest: "#cc79a7",
};
const CHOSEN_MOST = 20; // rows of a chart of holders
const ROWS_MOST = 300; // rows of a table

const chartWidth = box => Math.max(320, Math.min(1500, box.clientWidth || 900));

// Draws OPTIONS in the box of that id. A click on a mark with a tip calls CHOOSE with its datum.
function chart(id, options, choose) {
    const box = document.getElementById(id);
    const plot = Plot.plot({
        width: chartWidth(box),
        marginLeft: 70,
        marginBottom: 42,
        style: {background: "none", fontSize: "12px"},
        ...options,
    });
    if (choose) plot.addEventListener("click", () => plot.value && choose(plot.value));
    box.replaceChildren(plot);
}

function nothing(id, text) {
    const note = document.createElement("p");
    note.className = "hint";
    note.textContent = text;
    document.getElementById(id).replaceChildren(note);
}

const states = names => ({domain: names, range: names.map(name => STATE_COLOURS[name]), legend: true});
// At most eight ticks, at multiples of a power of two: sizes are told in KiB and MiB.
const BINARY_TICKS = {
    floor: size => size,
    offset: size => size,
    range: (from, to) => {
        const step = 2 ** Math.max(0, Math.ceil(Math.log2((to - from) / 8)));
        return d3.range(Math.ceil(from / step) * step, to + 1, step);
    },
};
const axisBytes = label => ({label, tickFormat: size => bytesText(size), ticks: BINARY_TICKS, grid: true});
const BELOW_TICKS = {labelOffset: 38}; // for the label of a horizontal axis

// ROWS: lists of cells. CHOOSE, if given, is called with the row's number.
function table(id, titles, rows, choose) {
    const head = document.createElement("thead"),
        body = document.createElement("tbody");
    const line = (cells, tag) => {
        const row = document.createElement("tr");
        row.append(...cells.map(text => Object.assign(document.createElement(tag), {textContent: text})));
        return row;
    };
    head.append(line(titles, "th"));
    rows.slice(0, ROWS_MOST).forEach((cells, at) => {
        const row = line(cells, "td");
        if (choose) {
            const act = () => {
                body.querySelectorAll(".chosen").forEach(other => other.classList.remove("chosen"));
                row.classList.add("chosen");
                choose(at);
            };
            row.tabIndex = 0;
            row.addEventListener("click", act);
            row.addEventListener("keydown", event => {
                if (event.key === "Enter") act();
            });
        }
        body.append(row);
    });
    if (rows.length > ROWS_MOST) body.append(line([`… and ${rows.length - ROWS_MOST} more`], "td"));
    document.getElementById(id).replaceChildren(head, body);
}

// ---- Figures, and their growth -----------------------------------------------------------------------------------

function drawFigures(view) {
    const stats = view.dump.stats,
        list = document.getElementById("numbers");
    const figures = Object.entries(stats).filter(([, value]) => typeof value === "number" && value);
    list.replaceChildren(
        ...figures.map(([name, value]) => {
            const box = document.createElement("div");
            box.append(
                Object.assign(document.createElement("dt"), {textContent: name.replaceAll("_", " ")}),
                Object.assign(document.createElement("dd"), {
                    textContent: /bytes|most/.test(name) ? bytesText(value) : value.toLocaleString("en"),
                }),
            );
            return box;
        }),
    );
    if (!figures.length) nothing("numbers", "This dump has no statistics.");
}

function drawGrowth(view) {
    const {dumps} = view.data,
        hasClock = dumps.every(dump => dump.clock !== null && dump.process === dumps[0].process);
    const rows = dumps.flatMap((dump, at) =>
        ["live", "free", "cached", "overhead"].map(state => ({
            at: hasClock && dumps.length > 1 ? (dump.clock - dumps[0].clock) / 1000 : at + 1,
            state,
            bytes: dump.stats[`${state}_bytes`] || 0,
            dump,
            name: dump.name,
        })),
    );
    if (!rows.some(row => row.bytes)) return nothing("growth-chart", "No statistics, so no growth.");
    const shared = {height: 230, color: states(["live", "free", "cached", "overhead"])};
    if (dumps.length === 1)
        return chart("growth-chart", {
            ...shared,
            height: 100,
            x: {...BELOW_TICKS, ...axisBytes("committed")},
            marks: [
                Plot.barX(
                    rows,
                    Plot.stackX({
                        x: "bytes",
                        fill: "state",
                        tip: true,
                        title: row => `${row.state}: ${bytesText(row.bytes)}`,
                    }),
                ),
            ],
        });
    const stacked = Plot.stackY({x: "at", y: "bytes", fill: "state", order: ["live", "free", "cached", "overhead"]});
    return chart(
        "growth-chart",
        {
            ...shared,
            y: axisBytes("committed"),
            x: {label: hasClock ? "seconds" : "dump", ...BELOW_TICKS},
            marks: [
                Plot.areaY(rows, stacked),
                Plot.ruleX(
                    dumps.map((_, at) => rows[at * 4].at),
                    {stroke: "currentColor", strokeOpacity: 0.3},
                ),
                Plot.ruleX([rows[dumps.indexOf(view.dump) * 4].at], {stroke: "currentColor", strokeWidth: 2}),
                Plot.tip(
                    rows,
                    Plot.pointerX(
                        Plot.stackY({
                            x: "at",
                            y: "bytes",
                            z: "state",
                            order: ["live", "free", "cached", "overhead"],
                            title: row => `${row.name}\n${row.state}: ${bytesText(row.bytes)}`,
                        }),
                    ),
                ),
            ],
        },
        row => view.chooseDump(row.dump),
    );
}

// ---- Size classes ------------------------------------------------------------------------------------------------

const CLASS_PARTS = ["live", "free", "untouched", "rest"];
const classWaste = row => row.free + row.untouched + row.rest;
const className = row => (row.alignment > 16 ? `${row.size}/${row.alignment}` : `${row.size}`);

function drawClasses(view) {
    const {classes} = view.dump;
    if (!classes.length) {
        nothing("classes-chart", "This dump has no statistics of size classes.");
        return table("classes-table", [], []);
    }
    const rows = classes.flatMap(row =>
        CLASS_PARTS.map(part => ({name: className(row), part, bytes: row[part], row})),
    );
    chart(
        "classes-chart",
        {
            height: 260,
            marginBottom: 60,
            color: states(CLASS_PARTS),
            x: {
                label: "bytes of a piece (/ alignment)",
                tickRotate: -60,
                domain: classes.map(className),
                ticks: classes.map(className).filter((_, at) => at % Math.ceil(classes.length / 60) === 0),
            },
            y: axisBytes("memory of its slabs"),
            marks: [
                Plot.barY(
                    rows,
                    Plot.stackY({
                        x: "name",
                        y: "bytes",
                        fill: "part",
                        order: CLASS_PARTS,
                        tip: true,
                        title: row => `${row.name} bytes, ${row.part}: ${bytesText(row.bytes)}`,
                    }),
                ),
                Plot.ruleY([0]),
            ],
        },
        row => view.showClass(row.row),
    );
    const sorted = [...classes].sort((a, b) => classWaste(b) - classWaste(a));
    table(
        "classes-table",
        ["class", "slabs", "live pieces", "live", "freed", "never used", "rest", "not in use"],
        sorted.map(row => [
            className(row),
            row.slabs,
            row.count,
            ...CLASS_PARTS.map(part => bytesText(row[part])),
            `${((100 * classWaste(row)) / Math.max(1, classWaste(row) + row.live)).toFixed(0)} %`,
        ]),
        at => view.showClass(sorted[at]),
    );
}

// ---- Fragmentation, threads --------------------------------------------------------------------------------------

function drawFragmentation(view) {
    const {slabs, holes, sums, largest} = view.dump.fragmentation,
        text = document.getElementById("fragmentation-text");
    if (!view.dump.hasMap) {
        text.textContent = "This dump has no map of the heap (brainmm_dump's part BRAINMM_DUMP_MAP).";
        for (const id of ["slabs-chart", "holes-chart"]) document.getElementById(id).replaceChildren();
        return;
    }
    const free = d3.sum(slabs, row => row.free);
    text.textContent =
        `Slabs have ${bytesText(sums.slab)}, of which ${bytesText(free)} are in no live piece. ` +
        `Free units: ${bytesText(sums.idle)} with memory, ${bytesText(sums.free)} without, in ranges of up to ` +
        `${bytesText(largest * view.data.unit)}; ${bytesText(sums.kept)} are kept for the next slab or run.`;
    chart("slabs-chart", {
        height: 220,
        x: {
            label: "live part of a slab, from",
            ...BELOW_TICKS,
            tickFormat: part => `${Math.round(100 * part)} %`,
            domain: slabs.map(row => row.from),
        },
        y: axisBytes("slabs"),
        marks: [
            Plot.barY(slabs, {
                x: "from",
                y: "bytes",
                fill: STATE_COLOURS.free,
                tip: true,
                title: row =>
                    `${row.slabs} slabs, of which ${Math.round(100 * row.from)} % or more are live\n` +
                    `${bytesText(row.free)} free in them`,
            }),
            Plot.barY(slabs, {x: "from", y: row => row.bytes - row.free, fill: STATE_COLOURS.live}),
            Plot.ruleY([0]),
        ],
    });
    if (!holes.length) return nothing("holes-chart", "There are no free units.");
    return chart("holes-chart", {
        height: 220,
        x: {
            label: "free range from",
            ...BELOW_TICKS,
            domain: holes.map(row => row.units),
            tickFormat: units => bytesText(units * view.data.unit),
        },
        y: axisBytes("free units"),
        marks: [
            Plot.barY(holes, {
                x: "units",
                y: "bytes",
                fill: STATE_COLOURS.cached,
                tip: true,
                title: row => `${row.holes} ranges, ${bytesText(row.bytes)}`,
            }),
            Plot.ruleY([0]),
        ],
    });
}

const threadName = row => (row.thread ? `thread ${row.thread}` : "no thread's"); // runs, pages, blocks

function drawThreads(view) {
    const rows = view.dump.threads.slice(0, CHOSEN_MOST),
        all = view.dump.threads.length;
    document.getElementById("threads-text").textContent =
        all > rows.length ? `The ${rows.length} of ${all} that hold most.` : "";
    if (!rows.length) return nothing("threads-chart", "This dump has no allocations.");
    return chart(
        "threads-chart",
        {
            height: 72 + 22 * rows.length,
            marginLeft: 130,
            x: {...BELOW_TICKS, ...axisBytes("live")},
            y: {label: null, domain: rows.map(threadName)},
            marks: [
                Plot.barX(rows, {
                    x: "bytes",
                    y: threadName,
                    tip: true,
                    fill: row => threadColour(view.dump.threadNames.indexOf(row.thread)),
                    title: row => `${threadName(row)}\n${row.count} allocations, ${bytesText(row.bytes)}`,
                }),
                Plot.ruleX([0]),
            ],
        },
        row =>
            view.showList(threadName(row), [
                ["allocations", row.count],
                ["bytes", row.bytes],
            ]),
    );
}

// ---- Holders and differences -------------------------------------------------------------------------------------

const shortLabel = label => {
    const line = label.split("\n")[0];
    return line.length > 42 ? "…" + line.slice(-41) : line;
};

// Labels that look the same when they are cut get a number.
function barsOf(id, rows, options, choose) {
    const seen = new Map(),
        shown = rows.slice(0, CHOSEN_MOST).map(row => {
            const name = shortLabel(row.label),
                times = seen.get(name) || 0;
            seen.set(name, times + 1);
            return {...row, name: times ? `${name} (${times + 1})` : name};
        });
    chart(
        id,
        {
            height: 72 + 22 * shown.length,
            marginLeft: 300,
            x: {...BELOW_TICKS, ...axisBytes(options.label)},
            y: {label: null, domain: shown.map(row => row.name)},
            marks: [
                Plot.barX(shown, {
                    x: "bytes",
                    y: "name",
                    tip: true,
                    fill: options.fill,
                    title: row => `${row.label}\n${row.count} allocations, ${bytesText(row.bytes)}`,
                }),
                Plot.ruleX([0]),
            ],
        },
        choose,
    );
}

function drawHolders(view) {
    const rows = holdersBy(view.dump, view.group),
        text = document.getElementById("holders-text");
    const known = rows.some(row => row.label !== "unknown");
    text.textContent =
        known || !rows.length
            ? ""
            : view.group === "name"
              ? "No describer has given a name (brainmm_add_describer)."
              : "Modules and call stacks are known in checked mode with stacks: BRAINMM_OPTIONS=checked,stacks.";
    const show = row => view.showHolder(row);
    if (rows.length) barsOf("holders-chart", rows, {label: "live", fill: STATE_COLOURS.live}, show);
    else nothing("holders-chart", "This dump has no allocations.");
    table(
        "holders-table",
        ["who", "allocations", "bytes", ""],
        rows.map(row => [row.label, row.count, row.bytes, bytesText(row.bytes)]),
        at => show(rows[at]),
    );
}

function drawDifference(view) {
    const text = document.getElementById("difference-text");
    if (!view.base) {
        text.textContent = "Choose a dump above to compare with.";
        document.getElementById("difference-chart").replaceChildren();
        return table("difference-table", [], []);
    }
    const rows = differenceBy(view.dump, view.base, view.group);
    const sum = (sign, field) => d3.sum(rows, row => Math.max(0, sign * row[field]));
    text.textContent = rows.length
        ? `By ${view.group}: ${bytesText(sum(1, "bytes"))} more, ${bytesText(sum(-1, "bytes"))} less than in ` +
          `${view.base.name}. Pieces: ${d3.sum(view.map.view.isNew)} new, ${d3.sum(view.map.view.isGone)} gone.`
        : "Nothing differs.";
    if (rows.length)
        barsOf("difference-chart", rows, {label: "change", fill: row => (row.bytes > 0 ? NEW : GONE)}, row =>
            view.showHolder(row),
        );
    else document.getElementById("difference-chart").replaceChildren();
    return table(
        "difference-table",
        ["who", "allocations", "bytes"],
        rows.map(row => [
            row.label,
            `${row.count > 0 ? "+" : ""}${row.count}`,
            `${row.bytes > 0 ? "+" : ""}${row.bytes}`,
        ]),
        at => view.showHolder(rows[at]),
    );
}
