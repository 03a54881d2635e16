// SPDX-License-Identifier: MIT
// main.js: the page: what is chosen, and the details of what was clicked.
"use strict";

class View {
    constructor(data) {
        this.data = data;
        this.colour = "use";
        this.group = "module";
        this.dump = data.dumps.at(-1);
        this.base = data.dumps.length > 1 ? data.dumps[0] : null;
        this.fillChoices();
        this.map = new MapView(this);
        this.details = document.getElementById("details");
        this.drawAll();
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawAll());
        let width = innerWidth;
        addEventListener("resize", () => {
            if (innerWidth !== width) {
                width = innerWidth;
                this.drawCharts();
            }
        });
    }

    // ---- Choices -------------------------------------------------------------------------------------------------

    fillChoices() {
        const {dumps, stretches} = this.data,
            choose = (id, options, chosen, act) => {
                const select = document.getElementById(id);
                select.replaceChildren(
                    ...options.map(([value, text]) => new Option(text, value, false, value === chosen)),
                );
                select.addEventListener("change", () => act(select.value));
            };
        const names = dumps.map((dump, at) => [String(at), dump.name]);
        choose("dump", names, String(dumps.indexOf(this.dump)), at => {
            this.dump = dumps[at];
            this.drawAll();
        });
        choose("base", [["", "nothing"], ...names], this.base ? "0" : "", at => {
            this.base = at === "" ? null : dumps[at];
            this.drawAll();
        });
        choose(
            "region",
            [["", "all"], ...stretches.map((stretch, at) => [String(at), this.nameOfStretch(stretch)])],
            "",
            at => {
                if (at === "") return this.map.fit();
                this.map.goTo(stretches[at].slot, 8);
                return this.map.choose({stretch: stretches[at]});
            },
        );
        for (const [id, name] of [
            ["colour", "colour"],
            ["group", "group"],
        ])
            document.getElementById(id).addEventListener("change", event => {
                this[name] = event.target.value;
                if (id === "colour") this.drawMap();
                else this.drawCharts();
            });
        document.getElementById("zoom-in").addEventListener("click", () => this.map.by(2));
        document.getElementById("zoom-out").addEventListener("click", () => this.map.by(0.5));
        document.getElementById("zoom-fit").addEventListener("click", () => this.map.fit());
        const hasStacks = dumps.some(dump => Object.keys(dump.stacks).length),
            hasNames = dumps.some(dump => dump.holders.some(holder => holder.name));
        this.group = hasStacks ? "module" : hasNames ? "name" : "size";
        document.getElementById("group").value = this.group;
        document.getElementById("title").textContent =
            this.dump.process === null ? "" : `process ${this.dump.process}`;
    }

    chooseDump(dump) {
        document.getElementById("dump").value = String(this.data.dumps.indexOf(dump));
        this.dump = dump;
        this.drawAll();
    }

    // ---- Drawing -------------------------------------------------------------------------------------------------

    drawAll() {
        this.map.renew();
        this.drawMap();
        this.drawCharts();
        document.getElementById("message").hidden = true;
    }

    drawMap() {
        this.map.draw();
        document.getElementById("legend").replaceChildren(...legendOf(this));
    }

    drawCharts() {
        for (const draw of [
            drawFigures,
            drawGrowth,
            drawClasses,
            drawFragmentation,
            drawThreads,
            drawHolders,
            drawDifference,
        ])
            draw(this);
    }

    // ---- Details -------------------------------------------------------------------------------------------------

    nameOfStretch(stretch) {
        const {unit} = this.data, what = stretch.isRegion ? "region" : "units";
        const more = stretch.hidden ? `, and ${bytesText(stretch.hidden * unit)} free` : "";
        return `${what} ${stretch.address}, ${bytesText(stretch.units * unit)}${more}`;
    }

    useOf(slot) {
        return this.dump.isThere[slot] ? this.data.uses[this.dump.use[slot]] : "not the heap's";
    }

    addressOf(slot, offset = 0) {
        return `0x${(this.map.grid.addressOf(slot) + BigInt(offset)).toString(16)}`;
    }

    threadText(index) {
        const thread = this.dump.threadNames[index];
        return thread ? String(thread) : "none";
    }

    rowsOfPiece(at) {
        const {pieces, stacks} = this.dump,
            frames = stacks[pieces.stack[at]] || [];
        return [
            ["address", this.addressOf(pieces.slot[at], pieces.offset[at])],
            ["bytes", pieces.size[at]],
            ["kind", this.data.kinds[pieces.kind[at]]],
            ["thread", this.threadText(pieces.thread[at])],
            ...(this.isNew ? [["compared", this.isNew[at] ? "new" : "was there before"]] : []),
            ...frames.map((frame, number) => [`#${number}`, frame[1]]),
        ];
    }

    rowsOfUnit(slot) {
        const range = this.dump.range[slot],
            ranges = this.dump.ranges,
            live = this.dump.live[slot];
        const rows = [
            ["address", this.addressOf(slot)],
            ["use", USE_TEXTS[this.useOf(slot)] || this.useOf(slot)],
            ["live bytes", `${live} of ${this.data.unit}`],
            ["allocations that begin here", this.dump.count[slot]],
        ];
        if (this.base) rows.push(["live bytes before", this.base.live[slot]]);
        if (range === NO_RANGE) return rows;
        if (ranges.size[range]) rows.push(["bytes of a piece", ranges.size[range]]);
        if (ranges.units[range] > 1)
            rows.push(["units", `${ranges.units[range]}, from ${this.addressOf(ranges.slot[range])}`]);
        if (ranges.places[range])
            rows.push(
                ["places", `${ranges.places[range]}, ${ranges.touched[range]} of them ever used`],
                ["alignment", ranges.alignment[range]],
                ["thread", this.threadText(ranges.thread[range])],
            );
        return rows;
    }

    rowsOfStretch(stretch) {
        const sums = {};
        let live = 0,
            count = 0;
        for (let slot = stretch.slot; slot < stretch.slot + stretch.units; slot++) {
            const use = this.useOf(slot);
            sums[use] = (sums[use] || 0) + this.data.unit;
            live += this.dump.live[slot];
            count += this.dump.count[slot];
        }
        return [
            ["address", stretch.address],
            ["units", stretch.units],
            ["allocations", count],
            ["live", bytesText(live)],
            ...Object.entries(sums).map(([use, size]) => [use, bytesText(size)]),
            ...(stretch.hidden ? [["free behind it, not shown", bytesText(stretch.hidden * this.data.unit)]] : []),
        ];
    }

    // For the tooltip.
    textOf(found) {
        if (found.stretch) return this.nameOfStretch(found.stretch);
        if (found.slot === undefined) return "";
        const rows = found.piece === undefined ? this.rowsOfUnit(found.slot) : this.rowsOfPiece(found.piece);
        return rows
            .slice(0, 8)
            .map(([name, value]) => `${name}: ${value}`)
            .join("\n");
    }

    showDetails(found) {
        if (found.stretch) this.showList("Region", this.rowsOfStretch(found.stretch));
        else if (found.piece !== undefined) this.showList("Allocation", this.rowsOfPiece(found.piece));
        else if (found.slot !== undefined) this.showList("Unit", this.rowsOfUnit(found.slot));
    }

    showClass(row) {
        this.showList(`Class of ${row.size} bytes`, [
            ["alignment", row.alignment],
            ["slabs", row.slabs],
            ["live pieces", row.count],
            ...CLASS_PARTS.map(part => [part, bytesText(row[part])]),
        ]);
    }

    showHolder(row) {
        const lines = row.label.split("\n");
        this.showList(lines.length > 1 ? "Call stack" : lines[0], [
            ["allocations", row.count],
            ["bytes", row.bytes],
            ...(lines.length > 1 ? lines.map((line, number) => [`#${number}`, line]) : []),
        ]);
    }

    showList(title, rows) {
        const heading = Object.assign(document.createElement("h3"), {textContent: title}),
            list = document.createElement("table");
        for (const [name, value] of rows) {
            const row = list.insertRow();
            row.insertCell().textContent = name;
            row.insertCell().textContent = value;
        }
        this.details.replaceChildren(heading, list);
    }
}

async function start() {
    try {
        window.view = new View(await unpack(document.getElementById("data").textContent));
    } catch (error) {
        document.getElementById("message").textContent = `The page cannot be shown: ${error.message}`;
        throw error;
    }
}
