// SPDX-License-Identifier: MIT
// model.js: unpacks the data (page.py), and what is computed of it: the grid of units, its tiles, and differences.
"use strict";

async function unpack(text) {
    const packed = Uint8Array.from(atob(text.trim()), letter => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = await new Response(stream).arrayBuffer();
    const length = Number(new DataView(bytes).getBigUint64(0, true));
    const data = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
    const types = {Uint8: Uint8Array, Uint16: Uint16Array, Uint32: Uint32Array, Float64: Float64Array};
    const column = place => new types[place.type](bytes, 8 + length + place.at, place.length);
    for (const dump of data.dumps)
        for (const record of [dump, dump.ranges, dump.pieces])
            for (const name in record)
                if (record[name] && record[name].type in types) record[name] = column(record[name]);
    return data;
}

const NO_RANGE = 0xffffffff;

// The first index of an ascending column whose value is not below VALUE.
function lowerBound(column, value, low = 0, high = column.length) {
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (column[middle] < value) low = middle + 1;
        else high = middle;
    }
    return low;
}

// ---- The grid: each stretch begins in a new row, behind a row for its name ---------------------------------------

class Grid {
    constructor(data, aspect) {
        this.slots = data.slots;
        const wish = Math.sqrt(data.slots * aspect);
        this.columns = 2 ** Math.max(4, Math.min(12, Math.round(Math.log2(Math.max(wish, 1)))));
        let row = 0;
        this.stretches = data.stretches.map(stretch => {
            const first = row + 1;
            row = first + Math.ceil(stretch.units / this.columns);
            return {...stretch, row: first, rows: row - first};
        });
        this.rows = Math.max(row, 1);
        this.slotOfStretch = this.stretches.map(stretch => stretch.slot);
    }

    stretchOf(slot) {
        const at = lowerBound(this.slotOfStretch, slot + 1) - 1;
        return this.stretches[at];
    }

    placeOf(slot) {
        const stretch = this.stretchOf(slot);
        const at = slot - stretch.slot;
        return [at % this.columns, stretch.row + Math.floor(at / this.columns)];
    }

    // The slot of a cell, or -1.
    slotAt(column, row) {
        if (column < 0 || column >= this.columns) return -1;
        const stretch = this.stretches[d3.bisector(s => s.row).right(this.stretches, row) - 1];
        if (!stretch || row >= stretch.row + stretch.rows) return -1;
        const at = (row - stretch.row) * this.columns + column;
        return at < stretch.units ? stretch.slot + at : -1;
    }

    addressOf(slot) {
        const stretch = this.stretchOf(slot);
        return BigInt(stretch.address) + BigInt(slot - stretch.slot) * 65536n;
    }

    slotOfAddress(address) {
        for (const stretch of this.stretches) {
            const at = (address - BigInt(stretch.address)) >> 16n;
            if (at >= 0n && at < BigInt(stretch.units)) return stretch.slot + Number(at);
        }
        return -1;
    }
}

// ---- Tiles: squares of 2, 4, 8 ... units, for a view from afar ---------------------------------------------------

// A tile looks like the unit in it that has most live bytes (`sample`), with the mean occupancy of its used units.
class Tiles {
    constructor(grid, dump, delta) {
        this.levels = [];
        let columns = grid.columns,
            rows = grid.rows;
        let level = {
            columns,
            rows,
            sample: new Int32Array(columns * rows).fill(-1),
            live: new Float64Array(columns * rows),
            used: new Uint32Array(columns * rows),
            delta: new Float64Array(columns * rows),
        };
        for (let slot = 0; slot < grid.slots; slot++) {
            if (!dump.isThere[slot] && !(delta && delta[slot])) continue;
            const [column, row] = grid.placeOf(slot);
            const at = row * columns + column;
            level.sample[at] = slot;
            level.live[at] = dump.live[slot];
            level.used[at] = 1;
            level.delta[at] = delta ? delta[slot] : 0;
        }
        this.levels.push(level);
        while (columns > 1 || rows > 1) {
            level = Tiles.coarser(level, dump);
            [columns, rows] = [level.columns, level.rows];
            this.levels.push(level);
        }
    }

    static coarser(fine, dump) {
        const columns = Math.ceil(fine.columns / 2),
            rows = Math.ceil(fine.rows / 2),
            count = columns * rows;
        const level = {
            columns,
            rows,
            sample: new Int32Array(count).fill(-1),
            live: new Float64Array(count),
            used: new Uint32Array(count),
            delta: new Float64Array(count),
        };
        for (let row = 0; row < fine.rows; row++)
            for (let column = 0; column < fine.columns; column++) {
                const from = row * fine.columns + column,
                    slot = fine.sample[from];
                if (slot < 0) continue;
                const at = (row >> 1) * columns + (column >> 1),
                    other = level.sample[at];
                if (other < 0 || dump.live[slot] > dump.live[other]) level.sample[at] = slot;
                level.live[at] += fine.live[from];
                level.used[at] += fine.used[from];
                level.delta[at] += fine.delta[from];
            }
        return level;
    }
}

// ---- Differences -------------------------------------------------------------------------------------------------

// Live bytes of each slot, more or less than in BASE.
function deltaOf(dump, base) {
    return Float64Array.from(dump.live, (live, slot) => live - base.live[slot]);
}

// For each piece of DUMP: 1 if BASE has it not. The same address is another piece if its size or serial differs.
function newPieces(dump, base) {
    const a = dump.pieces,
        b = base.pieces,
        result = new Uint8Array(a.slot.length);
    for (let i = 0, j = 0; i < a.slot.length; i++) {
        while (j < b.slot.length && (b.slot[j] < a.slot[i] || (b.slot[j] === a.slot[i] && b.offset[j] < a.offset[i])))
            j++;
        const same =
            j < b.slot.length &&
            b.slot[j] === a.slot[i] &&
            b.offset[j] === a.offset[i] &&
            b.size[j] === a.size[i] &&
            b.serial[j] === a.serial[i];
        result[i] = same ? 0 : 1;
    }
    return result;
}

// ---- Who holds memory --------------------------------------------------------------------------------------------

const KIND_AND_SIZE = holder => `${holder.kind}, ${holder.size} bytes`;
const groupings = {
    module: (holder, dump) => (dump.stacks[holder.stack] || [])[0]?.[0] || "unknown",
    name: holder => holder.name || "unknown",
    stack: (holder, dump) => (dump.stacks[holder.stack] || []).map(frame => frame[1]).join("\n") || "unknown",
    size: KIND_AND_SIZE,
};

function holdersBy(dump, grouping) {
    const found = new Map();
    for (const holder of dump.holders) {
        const label = groupings[grouping](holder, dump);
        const row = found.get(label) || {label, count: 0, bytes: 0};
        row.count += holder.count;
        row.bytes += holder.count * holder.size;
        found.set(label, row);
    }
    return [...found.values()].sort((a, b) => b.bytes - a.bytes || (a.label < b.label ? -1 : 1));
}

// Rows of two dumps that have the same label, and differ.
function differenceBy(dump, base, grouping) {
    const before = new Map(holdersBy(base, grouping).map(row => [row.label, row]));
    const rows = holdersBy(dump, grouping).map(row => {
        const old = before.get(row.label) || {count: 0, bytes: 0};
        before.delete(row.label);
        return {label: row.label, count: row.count - old.count, bytes: row.bytes - old.bytes};
    });
    for (const row of before.values()) rows.push({label: row.label, count: -row.count, bytes: -row.bytes});
    return rows.filter(row => row.count || row.bytes).sort((a, b) => Math.abs(b.bytes) - Math.abs(a.bytes));
}

function bytesText(bytes) {
    const size = Math.abs(bytes);
    for (const [unit, name] of [
        [2 ** 30, "GiB"],
        [2 ** 20, "MiB"],
        [2 ** 10, "KiB"],
    ])
        if (size >= unit) return `${(bytes / unit).toFixed(size >= 100 * unit ? 0 : 1)} ${name}`;
    return `${bytes} bytes`;
}
