// SPDX-License-Identifier: MIT
// colours.js: what a unit's or a piece's colour says, and the legend. The categories are those of Okabe and Ito, which
// people with any kind of colour vision tell apart; the scales differ in lightness, too.
"use strict";

const USE_COLOURS = {
    slab: "#0072b2",
    run: "#e69f00",
    pages: "#009e73",
    block: "#cc79a7",
    blocks: "#d55e00",
    jit: "#f0e442",
    kept: "#8a8a8a",
    idle: "#b0b0b0",
    free: "none",
    held: "none",
    other: "#56b4e9",
};
const USE_TEXTS = {
    slab: "slab: small and medium pieces",
    run: "run: one larger piece",
    pages: "pages",
    block: "block",
    blocks: "blocks of 4 or 16 KiB",
    jit: "code",
    kept: "kept for the next slab or run",
    idle: "free, with memory",
    free: "free, without memory",
    held: "room for a run to grow",
    other: "not known",
};
const THREAD_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442"];
const NEW = "#d55e00",
    GONE = "#0072b2";
const IN_USE = new Set(["slab", "run", "pages", "block", "blocks", "jit", "other"]);

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
const emptyColour = () => (isDark() ? "#26292d" : "#ececea");

const occupancyScale = d3.scaleSequential(t => d3.interpolateViridis(isDark() ? t : 1 - t)).domain([0, 1]);
const sizeScale = d3
    .scaleSequentialLog(d3.interpolateCividis)
    .domain([16, 2 ** 24])
    .clamp(true);
const deltaScale = d3
    .scaleDiverging(t => d3.interpolatePuOr(1 - t))
    .domain([-65536, 0, 65536])
    .clamp(true);

function threadColour(thread) {
    return thread === 0 ? "#8a8a8a" : THREAD_COLOURS[(thread - 1) % THREAD_COLOURS.length];
}

// The colour of units that look like SLOT, whose mean of live bytes is LIVE and of change DELTA.
function unitColour(view, slot, live, delta) {
    const dump = view.dump,
        use = view.data.uses[dump.use[slot]],
        range = dump.range[slot];
    const isUsed = IN_USE.has(use) && dump.isThere[slot];
    if (view.colour === "difference") return delta ? deltaScale(delta) : isUsed ? "#8a8a8a55" : emptyColour();
    if (!isUsed) return USE_COLOURS[use] === "none" || !dump.isThere[slot] ? emptyColour() : USE_COLOURS[use] + "66";
    const occupancy = Math.min(1, live / view.data.unit);
    if (view.colour === "occupancy") return occupancyScale(occupancy);
    const size = range === NO_RANGE ? 0 : dump.ranges.size[range];
    if (view.colour === "size") return size ? sizeScale(size) : "#8a8a8a";
    if (view.colour === "thread") return threadColour(range === NO_RANGE ? 0 : dump.ranges.thread[range]);
    const opacity = Math.round(90 + 165 * occupancy)
        .toString(16)
        .padStart(2, "0");
    return USE_COLOURS[use] + opacity;
}

function pieceColour(view, at) {
    const dump = view.dump,
        pieces = dump.pieces;
    if (view.colour === "difference") return view.isNew && view.isNew[at] ? NEW : "#8a8a8a";
    if (view.colour === "size") return sizeScale(Math.max(1, pieces.size[at]));
    if (view.colour === "thread") return threadColour(pieces.thread[at]);
    if (view.colour === "occupancy") return occupancyScale(1);
    return USE_COLOURS[view.data.uses[dump.use[pieces.slot[at]]]] || "#8a8a8a";
}

// ---- The legend --------------------------------------------------------------------------------------------------

function swatch(colour, text) {
    const item = document.createElement("span"),
        box = document.createElement("i");
    box.style.background = colour;
    box.style.border = "1px solid var(--line)";
    item.append(box, text);
    return item;
}

function scaleLegend(label, color) {
    return Plot.legend({color: {...color, label}, width: 260, height: 40, marginTop: 14});
}

function legendOf(view) {
    const seen = new Set(view.dump.use.filter((_, slot) => view.dump.isThere[slot]));
    switch (view.colour) {
        case "use":
            return view.data.uses
                .filter((_, code) => seen.has(code))
                .map(use =>
                    swatch(
                        USE_COLOURS[use] === "none"
                            ? emptyColour()
                            : IN_USE.has(use)
                              ? USE_COLOURS[use]
                              : USE_COLOURS[use] + "66",
                        USE_TEXTS[use],
                    ),
                )
                .concat(swatch(emptyColour(), "paler: less of it is live"));
        case "occupancy":
            return [
                scaleLegend("live part of a unit", {
                    type: "linear",
                    domain: [0, 1],
                    interpolate: t => occupancyScale(t),
                    tickFormat: "%",
                }),
            ];
        case "size":
            return [
                scaleLegend("bytes of a piece", {
                    type: "log",
                    domain: [16, 2 ** 24],
                    base: 2,
                    ticks: 6,
                    interpolate: d3.interpolateCividis,
                    tickFormat: size => bytesText(size),
                }),
            ];
        case "thread":
            return view.dump.threadNames
                .slice(0, 20)
                .map((thread, index) => swatch(threadColour(index), thread ? `thread ${thread}` : "no thread"));
        default:
            return view.base
                ? [
                      scaleLegend("change of live bytes of a unit", {
                          type: "diverging",
                          domain: [-65536, 65536],
                          interpolate: t => d3.interpolatePuOr(1 - t),
                          tickFormat: size => bytesText(size),
                      }),
                      swatch(NEW, "piece that is new"),
                      swatch(GONE, "piece that is gone (frame)"),
                  ]
                : [swatch(emptyColour(), "one dump alone has no difference")];
    }
}
