// SPDX-License-Identifier: MIT
// map.js: the map on its canvas. Whatever the zoom, a frame draws at most DRAWN_MOST rectangles: tiles of many units
// from afar, then units, then sixteen rows of each unit, then pieces.
"use strict";

const DRAWN_MOST = 20000;
const TILE_PIXELS = 6; // a tile is at least so wide
const ROWS_FROM = 40; // a unit of so many pixels shows its rows of 4 KiB
const ROWS = 16,
    ROW_BYTES = 4096;
const PIECES_FROM = 90; // ... and its pieces, if there are not too many

class MapView {
    constructor(view) {
        this.view = view;
        this.canvas = document.getElementById("canvas");
        this.context = this.canvas.getContext("2d");
        this.tooltip = document.getElementById("tooltip");
        this.drawn = 0;
        this.level = "";
        this.rowsOfUnit = new Map();
        this.zoom = d3.zoom().on("zoom", event => {
            this.transform = event.transform;
            this.draw();
        });
        this.transform = d3.zoomIdentity;
        d3.select(this.canvas)
            .call(this.zoom)
            .on("dblclick.zoom", null)
            .on("mousemove", event => this.hover(event))
            .on("mouseleave", () => {
                this.tooltip.hidden = true;
            })
            .on("click", event => this.click(event))
            .on("keydown", event => this.key(event));
        new ResizeObserver(() => {
            this.fit();
        }).observe(this.canvas);
    }

    // The dump, the base or the colour has changed.
    renew() {
        const {dump, base, data} = this.view,
            box = this.canvas.getBoundingClientRect();
        this.grid = this.grid || new Grid(data, Math.max(1, box.width) / Math.max(1, box.height));
        this.view.isNew = base ? newPieces(dump, base) : null;
        this.view.isGone = base ? newPieces(base, dump) : null;
        this.delta = base ? deltaOf(dump, base) : null;
        this.tiles = new Tiles(this.grid, dump, this.delta);
        this.rowsOfUnit.clear();
        if (!this.fitted) this.fit();
        this.draw();
    }

    fit() {
        if (!this.grid) return;
        const box = this.canvas.getBoundingClientRect(),
            ratio = window.devicePixelRatio || 1;
        this.canvas.width = Math.round(box.width * ratio);
        this.canvas.height = Math.round(box.height * ratio);
        this.ratio = ratio;
        const scale = Math.min(box.width / this.grid.columns, box.height / this.grid.rows);
        this.fitted = scale;
        this.zoom.scaleExtent([scale / 2, 4000]).translateExtent([
            [-this.grid.columns, -this.grid.rows],
            [2 * this.grid.columns, 2 * this.grid.rows],
        ]);
        const left = (box.width - scale * this.grid.columns) / 2;
        d3.select(this.canvas).call(this.zoom.transform, d3.zoomIdentity.translate(left, 0).scale(scale));
    }

    // ---- Drawing -------------------------------------------------------------------------------------------------

    rectangle(colour, x, y, width, height) {
        this.context.fillStyle = colour;
        this.context.fillRect(x, y, width, height);
        this.drawn++;
    }

    draw() {
        if (!this.tiles) return;
        const {context, transform} = this,
            box = {width: this.canvas.width / this.ratio, height: this.canvas.height / this.ratio};
        context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
        context.clearRect(0, 0, box.width, box.height);
        this.drawn = 0;
        this.visible = {
            left: Math.max(0, Math.floor(transform.invertX(0))),
            top: Math.max(0, Math.floor(transform.invertY(0))),
            right: Math.min(this.grid.columns, Math.ceil(transform.invertX(box.width))),
            bottom: Math.min(this.grid.rows, Math.ceil(transform.invertY(box.height))),
        };
        const cell = transform.k;
        const cells = (this.visible.right - this.visible.left) * (this.visible.bottom - this.visible.top);
        if (cell < ROWS_FROM || cells * (ROWS + 1) > DRAWN_MOST) this.drawTiles(cell);
        else this.drawUnits(cell);
        this.drawNames(cell);
        this.drawChosen(cell);
    }

    drawTiles(cell) {
        const {left, top, right, bottom} = this.visible;
        const area = factor => Math.ceil((right - left) / factor + 1) * Math.ceil((bottom - top) / factor + 1);
        let number = 0;
        while (
            number + 1 < this.tiles.levels.length &&
            (cell * 2 ** number < TILE_PIXELS || area(2 ** number) > DRAWN_MOST)
        )
            number++;
        const level = this.tiles.levels[number],
            factor = 2 ** number,
            gap = cell * factor > 8 ? 1 : 0;
        for (let row = Math.floor(top / factor); row * factor < bottom; row++)
            for (let column = Math.floor(left / factor); column * factor < right; column++) {
                const at = row * level.columns + column,
                    slot = level.sample[at];
                if (slot < 0) continue;
                const used = Math.max(1, level.used[at]);
                this.rectangle(
                    unitColour(this.view, slot, level.live[at] / used, level.delta[at] / used),
                    this.transform.applyX(column * factor),
                    this.transform.applyY(row * factor),
                    cell * factor - gap,
                    cell * factor - gap,
                );
            }
        this.level = number ? `tiles of ${factor}x${factor}` : "units";
    }

    visibleSlots() {
        const slots = [];
        for (let row = this.visible.top; row < this.visible.bottom; row++)
            for (let column = this.visible.left; column < this.visible.right; column++) {
                const slot = this.grid.slotAt(column, row);
                if (slot >= 0) slots.push([slot, this.transform.applyX(column), this.transform.applyY(row)]);
            }
        return slots;
    }

    drawUnits(cell) {
        const slots = this.visibleSlots(),
            {dump, base} = this.view;
        const pieces = slots.reduce((sum, [slot]) => sum + dump.count[slot] + (base ? base.count[slot] : 0) + 1, 0);
        const shown = cell >= PIECES_FROM && 3 * pieces + slots.length < DRAWN_MOST;
        this.level = shown ? "pieces" : "rows";
        for (const [slot, x, y] of slots) {
            if (!dump.isThere[slot] && !(base && base.isThere[slot])) continue;
            const colour = unitColour(this.view, slot, dump.live[slot], this.delta ? this.delta[slot] : 0);
            this.context.globalAlpha = 0.35;
            this.rectangle(colour, x, y, cell - 1, cell - 1);
            this.context.globalAlpha = 1;
            if (shown) this.drawPieces(slot, x, y, cell - 1);
            else this.drawRows(slot, x, y, cell - 1);
        }
    }

    // Live bytes of the sixteen rows of a unit.
    rowsOf(slot) {
        let rows = this.rowsOfUnit.get(slot);
        if (rows) return rows;
        rows = new Uint16Array(ROWS);
        this.eachPart(slot, this.view.dump, (at, from, end) => {
            for (let row = Math.floor(from / ROW_BYTES); row * ROW_BYTES < end; row++)
                rows[row] += Math.min(end, (row + 1) * ROW_BYTES) - Math.max(from, row * ROW_BYTES);
        });
        this.rowsOfUnit.set(slot, rows);
        return rows;
    }

    // Calls VISIT(piece, from, end) for each piece that has a part in a unit; FROM and END are offsets in the unit.
    eachPart(slot, dump, visit) {
        const {pieces} = dump,
            first = lowerBound(pieces.slot, slot),
            unit = this.view.data.unit;
        if (first > 0) {
            const end = (pieces.slot[first - 1] - slot) * unit + pieces.offset[first - 1] + pieces.size[first - 1];
            if (end > 0) visit(first - 1, 0, Math.min(end, unit));
        }
        for (let at = first; at < pieces.slot.length && pieces.slot[at] === slot; at++)
            visit(at, pieces.offset[at], Math.min(unit, pieces.offset[at] + pieces.size[at]));
    }

    drawRows(slot, x, y, size) {
        const height = size / ROWS,
            colour = unitColour(this.view, slot, this.view.data.unit, this.delta ? this.delta[slot] : 0);
        this.rowsOf(slot).forEach((live, row) => {
            if (live) this.rectangle(colour, x, y + row * height, size * Math.min(1, live / ROW_BYTES), height);
        });
    }

    // The rectangles of the offsets [FROM, END) in a unit: a part of a row, whole rows, a part of a row.
    drawPart(from, end, x, y, size, paint) {
        const height = size / ROWS,
            scale = size / ROW_BYTES,
            gap = height > 5 ? 1 : 0;
        while (from < end) {
            const row = Math.floor(from / ROW_BYTES),
                start = from - row * ROW_BYTES;
            const whole = start === 0 ? Math.floor((end - from) / ROW_BYTES) : 0;
            const bytes = whole ? whole * ROW_BYTES : Math.min(end - from, ROW_BYTES - start);
            paint(
                x + start * scale,
                y + row * height,
                Math.max(1, Math.min(bytes, ROW_BYTES) * scale - gap),
                height * Math.max(1, whole) - gap,
            );
            from += bytes;
        }
    }

    drawPieces(slot, x, y, size) {
        this.eachPart(slot, this.view.dump, (at, from, end) => {
            const colour = pieceColour(this.view, at);
            this.drawPart(from, end, x, y, size, (...box) => this.rectangle(colour, ...box));
        });
        if (!this.view.base || this.view.colour !== "difference") return;
        this.context.strokeStyle = GONE;
        this.eachPart(slot, this.view.base, (at, from, end) => {
            if (this.view.isGone[at])
                this.drawPart(from, end, x, y, size, (...box) => {
                    this.context.strokeRect(...box);
                    this.drawn++;
                });
        });
    }

    drawNames(cell) {
        const {context} = this,
            height = Math.min(12, cell);
        if (height < 7) return;
        context.fillStyle = getComputedStyle(document.body).color;
        context.font = `${height}px system-ui, sans-serif`;
        context.textBaseline = "bottom";
        for (const stretch of this.grid.stretches)
            if (stretch.row > this.visible.top && stretch.row <= this.visible.bottom)
                context.fillText(
                    this.view.nameOfStretch(stretch),
                    Math.max(4, this.transform.applyX(0)),
                    this.transform.applyY(stretch.row) - 1,
                );
    }

    drawChosen(cell) {
        if (this.chosen === undefined) return;
        const [column, row] = this.grid.placeOf(this.chosen),
            size = Math.max(cell, 4);
        this.context.strokeStyle = getComputedStyle(document.body).color;
        this.context.lineWidth = 2;
        this.context.strokeRect(
            this.transform.applyX(column) - 1,
            this.transform.applyY(row) - 1,
            size + 1,
            size + 1,
        );
        this.context.lineWidth = 1;
    }

    // ---- The user ------------------------------------------------------------------------------------------------

    // What lies under the pointer: {stretch}, {slot} or {slot, piece}.
    find(event) {
        const [x, y] = this.transform.invert(d3.pointer(event, this.canvas));
        const column = Math.floor(x),
            row = Math.floor(y),
            slot = this.grid.slotAt(column, row);
        if (slot < 0) return {stretch: this.grid.stretches.find(stretch => stretch.row - 1 === row && x >= 0)};
        if (this.level !== "pieces") return {slot};
        const offset = Math.floor((y - row) * ROWS) * ROW_BYTES + Math.floor((x - column) * ROW_BYTES);
        let piece;
        this.eachPart(slot, this.view.dump, (at, from, end) => {
            if (from <= offset && offset < end) piece = at;
        });
        return {slot, piece};
    }

    hover(event) {
        const found = this.find(event),
            text = this.view.textOf(found);
        this.tooltip.hidden = !text;
        this.tooltip.textContent = text;
        this.tooltip.style.left = `${Math.min(event.clientX + 14, innerWidth - 330)}px`;
        this.tooltip.style.top = `${event.clientY + 14}px`;
    }

    click(event) {
        this.choose(this.find(event));
    }

    choose(found) {
        if (found.slot !== undefined) this.chosen = found.slot;
        this.view.showDetails(found);
        this.draw();
    }

    goTo(slot, scale) {
        const box = this.canvas.getBoundingClientRect(),
            [column, row] = this.grid.placeOf(slot);
        const k = Math.max(this.transform.k, scale);
        d3.select(this.canvas).call(
            this.zoom.transform,
            d3.zoomIdentity.translate(box.width / 2 - k * (column + 0.5), box.height / 2 - k * (row + 0.5)).scale(k),
        );
    }

    by(factor) {
        d3.select(this.canvas).call(this.zoom.scaleBy, factor);
    }
    move(x, y) {
        d3.select(this.canvas).call(this.zoom.translateBy, x / this.transform.k, y / this.transform.k);
    }

    // The next unit, or the one before, that is there.
    step(by) {
        const {isThere} = this.view.dump;
        let slot = this.chosen === undefined ? (by > 0 ? -1 : isThere.length) : this.chosen;
        do slot += by;
        while (slot >= 0 && slot < isThere.length && !isThere[slot]);
        if (slot < 0 || slot >= isThere.length) return;
        this.choose({slot});
        this.goTo(slot, 0);
    }

    key(event) {
        const actions = {
            ArrowLeft: () => this.move(80, 0),
            ArrowRight: () => this.move(-80, 0),
            ArrowUp: () => this.move(0, 80),
            ArrowDown: () => this.move(0, -80),
            "+": () => this.by(1.5),
            "=": () => this.by(1.5),
            "-": () => this.by(1 / 1.5),
            0: () => this.fit(),
            "]": () => this.step(1),
            "[": () => this.step(-1),
            Enter: () => this.chosen !== undefined && this.goTo(this.chosen, 120),
        };
        if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        actions[event.key]();
    }
}
