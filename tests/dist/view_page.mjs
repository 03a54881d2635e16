// SPDX-License-Identifier: MIT
// view_page.mjs: opens the pages that view_page.sh has made, clicks, and compares what they show with the dumps.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {resolve} from "node:path";

const require = createRequire(`${process.env.BRAINMM_VIEW_LIBRARIES}/package.json`);
const {chromium} = require("playwright-core");
const folder = resolve(process.argv[2]);
const read = name => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));
const DRAWN_MOST = 20000;

// Root cannot use Chromium's sandbox.
const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: ["--no-sandbox"]});

// Opens a page. Everything that it asks for beside itself, and every complaint, is a failure.
async function open(name, options = {}) {
    const context = await browser.newContext({viewport: {width: 1280, height: 1000}, offline: true, ...options});
    const page = await context.newPage(),
        url = `file://${folder}/${name}.html`,
        complaints = [];
    page.on("request", request => request.url() === url || complaints.push(`asks for ${request.url()}`));
    page.on("console", message => complaints.push(`console: ${message.text()}`));
    page.on("pageerror", error => complaints.push(`error: ${error.message}`));
    await page.addInitScript(() => {
        // Counts what a frame draws. Each frame begins with clearRect.
        const {clearRect, fillRect, strokeRect} = CanvasRenderingContext2D.prototype;
        window.drawn = {last: 0, most: 0, frames: 0};
        const counted = function () {
            window.drawn.most = Math.max(window.drawn.most, ++window.drawn.last);
        };
        CanvasRenderingContext2D.prototype.clearRect = function (...box) {
            window.drawn.last = 0;
            window.drawn.frames++;
            clearRect.apply(this, box);
        };
        CanvasRenderingContext2D.prototype.fillRect = function (...box) {
            counted();
            fillRect.apply(this, box);
        };
        CanvasRenderingContext2D.prototype.strokeRect = function (...box) {
            counted();
            strokeRect.apply(this, box);
        };
    });
    await page.goto(url);
    await page.waitForFunction(() => document.getElementById("message").hidden, null, {timeout: 60000});
    page.check = () => assert.deepEqual(complaints, [], name);
    return page;
}

const details = page => page.locator("#details").innerText();
const row = (text, name) =>
    text
        .split("\n")
        .find(line => line.startsWith(`${name}\t`))
        ?.split("\t")[1];

// Where a slot or the name of a stretch is drawn.
const placeOf = (page, slot) =>
    page.evaluate(slot => {
        const box = view.map.canvas.getBoundingClientRect(),
            [column, line] = view.map.grid.placeOf(slot);
        return {
            x: box.left + view.map.transform.applyX(column + 0.5),
            y: box.top + view.map.transform.applyY(line + 0.5),
        };
    }, slot);
const clickSlot = async (page, slot) => {
    const place = await placeOf(page, slot);
    await page.mouse.click(place.x, place.y);
};
const slotOfAddress = (page, address) =>
    page.evaluate(address => view.map.grid.slotOfAddress(BigInt(address)), address);
const level = page => page.evaluate(() => view.map.level);

// ---- A series ----------------------------------------------------------------------------------------------------

// Sizes along an axis are at multiples of a power of two, and do not lie on its label.
async function axes(page) {
    const texts = await page.locator("#growth-chart [aria-label='y-axis tick label'] text").allTextContents();
    assert.ok(texts.length >= 4, `ticks: ${texts}`);
    const units = {bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30};
    const sizes = texts.map(text => parseFloat(text) * units[text.split(/\s/)[1]]).filter(size => size);
    assert.ok(sizes.every(size => Number.isInteger(size / sizes[0])), `ticks: ${texts}`);
    assert.ok(Number.isInteger(Math.log2(sizes[0])), `ticks: ${texts}`);
    const boxes = await page.evaluate(() =>
        [...document.querySelectorAll("[aria-label='x-axis label'] text")].map(label => {
            const ticks = [...label.closest("svg").querySelectorAll("[aria-label='x-axis tick label'] text")];
            const lowest = Math.max(...ticks.map(tick => tick.getBoundingClientRect().bottom));
            return [label.textContent, lowest, label.getBoundingClientRect().top];
        }),
    );
    assert.ok(boxes.length >= 5);
    for (const [text, lowest, top] of boxes) assert.ok(top >= lowest - 2, `${text}: the ticks lie on it`);
}

async function series() {
    const page = await open("series"),
        dump = read("series3"),
        first = read("series1");
    assert.deepEqual(await page.locator("#dump option").count(), 3);
    assert.ok((await page.locator("#numbers").innerText()).includes(dump.stats.live_count.toLocaleString("en")));
    assert.ok((await page.locator("#growth-chart path").count()) >= 4, "areas of growth");
    await axes(page);

    // A unit: a slab of the map, as the dump has it.
    await page.locator("#canvas").scrollIntoViewIfNeeded();
    const slab = dump.map.find(
        range => range.use === "slab" && range.units === 1 && range.touched > 0.9 * range.places,
    );
    const slot = await slotOfAddress(page, slab.address);
    await clickSlot(page, slot);
    let text = await details(page);
    assert.match(text, /^Unit/);
    assert.equal(row(text, "address"), slab.address);
    assert.equal(row(text, "bytes of a piece"), String(slab.size));
    assert.equal(row(text, "places"), `${slab.places}, ${slab.touched} of them ever used`);
    const start = BigInt(slab.address),
        inside = dump.allocations.filter(
            piece => BigInt(piece.address) >= start && BigInt(piece.address) < start + 65536n,
        );
    assert.equal(row(text, "allocations that begin here"), String(inside.length));
    assert.equal(row(text, "live bytes"), `${inside.reduce((sum, piece) => sum + piece.size, 0)} of 65536`);

    // Its region, by its name and by the list.
    const place = await placeOf(page, await page.evaluate(slot => view.map.grid.stretchOf(slot).slot, slot));
    const cell = await page.evaluate(() => view.map.transform.k);
    await page.mouse.click(place.x, place.y - cell);
    text = await details(page);
    assert.match(text, /^Region/);
    assert.ok(dump.map.some(range => range.region && range.address === row(text, "address")));
    await page.selectOption("#region", "0");
    assert.match(await details(page), /^Region/);

    // Zoom: by the wheel, by buttons, by keys, until pieces are drawn. Then a piece.
    await page.click("#zoom-fit");
    const before = await page.evaluate(() => view.map.transform.k);
    const middle = await placeOf(page, slot);
    await page.mouse.move(middle.x, middle.y);
    await page.mouse.wheel(0, -300);
    const zoomed = await page.evaluate(() => view.map.transform.k);
    assert.ok(zoomed > before, "the wheel zooms");
    await page.click("#zoom-in");
    assert.ok((await page.evaluate(() => view.map.transform.k)) > zoomed, "the button zooms");
    await clickSlot(page, slot);
    await page.locator("#canvas").focus();
    await page.keyboard.press("Enter");
    for (let i = 0; i < 5; i++) await page.keyboard.press("+");
    await page.keyboard.press("Enter");
    assert.equal(await level(page), "pieces");
    const left = await page.evaluate(() => view.map.transform.x);
    await page.keyboard.press("ArrowLeft");
    assert.ok((await page.evaluate(() => view.map.transform.x)) > left, "an arrow moves the map");
    await page.keyboard.press("ArrowRight");
    // The one nearest to the middle of the unit, because the map shows that.
    const far = piece => Math.abs(Number(BigInt(piece.address) - start) - 32768);
    const piece = inside.toSorted((a, b) => far(a) - far(b))[0],
        at = await page.evaluate(
            ([slot, offset]) => {
                const box = view.map.canvas.getBoundingClientRect(),
                    [column, line] = view.map.grid.placeOf(slot);
                return {
                    x: box.left + view.map.transform.applyX(column + (offset % 4096) / 4096),
                    y: box.top + view.map.transform.applyY(line + (Math.floor(offset / 4096) + 0.5) / 16),
                };
            },
            [slot, Number(BigInt(piece.address) - start) + piece.size / 2],
        );
    await page.mouse.move(at.x, at.y);
    assert.ok((await page.locator("#tooltip").innerText()).includes(piece.address), "the tooltip tells the piece");
    await page.mouse.click(at.x, at.y);
    text = await details(page);
    assert.match(text, /^Allocation/);
    assert.equal(row(text, "address"), piece.address);
    assert.equal(row(text, "bytes"), String(piece.size));
    const frames = dump.stacks.find(stack => stack.stack === piece.stack).frames;
    assert.equal(row(text, "#0"), `${frames[0].module}+${frames[0].offset}`);
    await page.keyboard.press("0");
    assert.equal(await page.evaluate(() => view.map.transform.k), before, "0 shows all");
    await page.keyboard.press("]");
    assert.equal(
        await page.evaluate(() => view.map.chosen),
        await page.evaluate(chosen => view.dump.isThere.indexOf(1, chosen + 1), slot),
        "] goes to the next unit",
    );

    // A class, by the table and by the chart.
    await page.locator("#classes-table tbody tr").first().click();
    text = await details(page);
    const size = Number(/^Class of (\d+) bytes/.exec(text)[1]);
    assert.equal(Number(row(text, "live pieces")), dump.classes.find(one => one.size === size).live);
    const bar = page.locator("#classes-chart rect").nth(3);
    await bar.scrollIntoViewIfNeeded();
    await bar.hover();
    await page.mouse.down();
    await page.mouse.up();
    assert.match(await details(page), /^Class of/);

    // Holders: each way to group has all bytes.
    const bytes = dump.holders.reduce((sum, holder) => sum + holder.size * holder.count, 0);
    for (const group of ["module", "name", "stack", "size"]) {
        await page.selectOption("#group", group);
        assert.equal(
            await page.evaluate(group => d3.sum(holdersBy(view.dump, group), one => one.bytes), group),
            bytes,
            group,
        );
    }
    await page.selectOption("#group", "name");
    const leaves = dump.holders
        .filter(holder => holder.name === "TLeaf")
        .reduce((sum, holder) => sum + holder.count, 0);
    assert.ok(leaves > 500);
    assert.ok((await page.locator("#holders-table").innerText()).includes(`TLeaf\t${leaves}\t${leaves * 48}`));
    await page.selectOption("#group", "module");
    assert.ok((await page.locator("#holders-table").innerText()).includes("view_helper-shared"));

    // The difference of the last to the first, then of the last to itself.
    const key = piece => `${piece.address} ${piece.size} ${piece.serial}`;
    const known = new Set(first.allocations.map(key)),
        now = new Set(dump.allocations.map(key));
    const fresh = dump.allocations.filter(piece => !known.has(key(piece))).length;
    const gone = first.allocations.filter(piece => !now.has(key(piece))).length;
    assert.ok(fresh > 100 && gone > 100);
    assert.ok((await page.locator("#difference-text").innerText()).includes(`Pieces: ${fresh} new, ${gone} gone.`));
    await page.selectOption("#group", "name");
    const old = first.holders
        .filter(holder => holder.name === "TLeaf")
        .reduce((sum, holder) => sum + holder.count, 0);
    assert.ok(
        (await page.locator("#difference-table").innerText()).includes(
            `TLeaf\t+${leaves - old}\t+${(leaves - old) * 48}`,
        ),
    );
    for (const colour of ["occupancy", "size", "thread", "difference", "use"]) {
        await page.selectOption("#colour", colour);
        assert.ok((await page.locator("#legend > *").count()) > 0, `the legend of ${colour}`);
    }
    await page.selectOption("#base", "2");
    assert.equal(await page.locator("#difference-text").innerText(), "Nothing differs.");
    await page.selectOption("#base", "0");
    await page.selectOption("#dump", "1");
    assert.ok(
        (await page.locator("#numbers").innerText()).includes(read("series2").stats.live_count.toLocaleString("en")),
    );
    assert.ok((await page.locator("#threads-chart rect").count()) >= 2, "two threads");
    page.check();
}

// ---- A million pieces --------------------------------------------------------------------------------------------

// At each zoom, whatever lies there, a frame draws no more than so many rectangles.
async function million() {
    const page = await open("million"),
        levels = new Set();
    assert.ok((await page.evaluate(() => view.dump.pieces.slot.length)) >= 1e6);
    await page.locator("#canvas").scrollIntoViewIfNeeded();
    const slot = await page.evaluate(() => view.dump.count.indexOf(d3.max(view.dump.count)));
    for (let scale = await page.evaluate(() => view.map.fitted); scale < 4000; scale *= 1.5) {
        await page.evaluate(([slot, scale]) => view.map.goTo(slot, scale), [slot, scale]);
        const {last, most} = await page.evaluate(() => window.drawn);
        assert.ok(last > 0 && most <= DRAWN_MOST, `${most} rectangles at ${scale}`);
        levels.add((await level(page)).split(" ")[0]);
    }
    assert.deepEqual([...levels].sort(), ["pieces", "rows", "tiles", "units"], "each way to draw was used");
    const {frames, most} = await page.evaluate(() => window.drawn);
    console.log(`a million pieces: ${frames} frames, at most ${most} rectangles each`);
    page.check();
}

// ---- Older dumps, and the dark -----------------------------------------------------------------------------------

async function old() {
    const page = await open("old"),
        dump = read("old");
    assert.match(await page.locator("#fragmentation-text").innerText(), /no map/);
    const run = dump.allocations.find(piece => piece.kind === "big");
    await page.locator("#canvas").scrollIntoViewIfNeeded();
    await clickSlot(page, await slotOfAddress(page, run.address));
    assert.match(await details(page), /run: one larger piece/);
    await page.selectOption("#group", "size");
    assert.ok((await page.locator("#holders-table").innerText()).includes("small, 48 bytes"));
    page.check();
}

async function dark() {
    const page = await open("series", {colorScheme: "dark", deviceScaleFactor: 1});
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.notEqual(ground, "rgb(255, 255, 255)");
    await page.screenshot({path: `${folder}/dark.png`});
    page.check();
}

async function screenshot() {
    const page = await open("picture", {viewport: {width: 1100, height: 820}, colorScheme: "light"});
    await page.evaluate(() => document.getElementById("map").scrollIntoView());
    const slab = read("picture3").map.find(range => range.use === "slab" && range.units === 1 && range.size === 48);
    await clickSlot(page, await slotOfAddress(page, slab.address));
    await page.mouse.move(5, 500);
    await page.screenshot({path: `${folder}/view.png`});
    page.check();
}

try {
    for (const test of [series, million, old, dark, screenshot]) await test();
} finally {
    await browser.close();
}
