// Lines over time, as SVG. All plots share the time that is pointed at.

const MARGIN = { left: 46, right: 8, top: 10, bottom: 22 };
const HEIGHT = 150;
const GAP_MS = 15000; // between two samples without a line between them

const plots = [];
let pointed = null; // a time, or null

// The least of 1, 2, 5, 10, 20... that is not below it.
function niceStep(n) {
	const power = 10 ** Math.floor(Math.log10(n));
	return power * [1, 2, 5, 10].find((f) => f * power >= n * 0.9999);
}

const MINUTE = 60e3;
const timeStep = (ms, most) => [MINUTE / 4, MINUTE / 2, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 60 * MINUTE]
	.find((step) => ms / step <= most) ?? 60 * MINUTE;
const clock = (at, seconds) => new Date(at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, hour12: false });

class Plot {
	// series: [{ name, of(sample), area }], drawn with the styles s1, s2, s3. `least`: what the axis reaches at least; with `low`
	// it is logarithmic, and begins there.
	constructor(figure, { title, unit, series, format, least, low = 0 }) {
		Object.assign(this, { figure, title, unit, series, format, least, low });
		this.drawing = svg("svg", { role: "img", tabindex: "0" });
		this.values = series.map(() => el("b", {}, NONE));
		this.caption = el("figcaption", {}, el("h3", {}, title), el("span", { class: "unit" }, unit), el("ul", {}, ...series.map((s, i) =>
			el("li", {}, svg("svg", { class: "key", viewBox: "0 0 22 8", "aria-hidden": "true" },
				svg("path", { d: "M0 4H22", class: `stroke s${i + 1}` })), `${s.name} `, this.values[i]))));
		figure.append(this.caption, this.drawing);
		this.drawing.addEventListener("pointermove", (event) => this.point(event.clientX));
		this.drawing.addEventListener("pointerleave", () => pointAt(null));
		this.drawing.addEventListener("blur", () => pointAt(null));
		this.drawing.addEventListener("keydown", (event) => this.key(event));
		new ResizeObserver(() => this.draw()).observe(figure);
		plots.push(this);
	}

	point(x) {
		const box = this.drawing.getBoundingClientRect();
		const part = (x - box.left - MARGIN.left) / (this.width - MARGIN.left - MARGIN.right);
		pointAt(this.from + Math.min(1, Math.max(0, part)) * (this.to - this.from));
	}

	key(event) {
		const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], shown = this.shown ?? [];
		if (event.key === "Escape")
			pointAt(null);
		if (!step || shown.length === 0)
			return;
		event.preventDefault();
		const now = pointed === null ? shown.length : shown.indexOf(this.nearest());
		pointAt(shown[Math.min(shown.length - 1, Math.max(0, now + step))].at);
	}

	nearest() {
		return this.shown.reduce((best, s) => Math.abs(s.at - pointed) < Math.abs(best.at - pointed) ? s : best, this.shown[0]);
	}

	scales() {
		const all = figures.samples, longest = Number(byId("window").value) * 1000;
		this.to = all.length ? all[all.length - 1].at : Date.now();
		this.from = this.to - Math.min(longest, Math.max(MINUTE, this.to - (all[0]?.at ?? this.to)));
		this.shown = all.filter((s) => s.at >= this.from);
		this.width = Math.max(200, this.drawing.clientWidth || this.figure.clientWidth - 30);
		const most = Math.max(this.least, ...this.shown.flatMap((s) => this.series.map((one) => one.of(s) ?? 0)));
		this.ticks = this.low ? this.decades(most) : this.steps(most);
		this.top = this.ticks[this.ticks.length - 1];
		this.x = (at) => MARGIN.left + (at - this.from) / (this.to - this.from) * (this.width - MARGIN.left - MARGIN.right);
		this.y = (value) => HEIGHT - MARGIN.bottom - this.part(value) * (HEIGHT - MARGIN.top - MARGIN.bottom);
	}

	// Of the height.
	part(value) {
		return this.low ? Math.max(0, Math.log10(value / this.low)) / Math.log10(this.top / this.low) : value / this.top;
	}

	steps(most) {
		const step = niceStep(most / 3);
		return Array.from({ length: Math.ceil(most / step * 0.9999) + 1 }, (_, i) => i * step);
	}

	decades(most) {
		return Array.from({ length: Math.max(1, Math.ceil(Math.log10(most / this.low) - 1e-9)) + 1 }, (_, i) => this.low * 10 ** i);
	}

	axes() {
		const parts = [], right = this.width - MARGIN.right, step = timeStep(this.to - this.from, this.width < 420 ? 4 : 6);
		for (const value of this.ticks) {
			const y = this.y(value).toFixed(1), text = value >= 1000 ? grouped(Math.round(value)) : String(Number(value.toPrecision(3)));
			parts.push(svg("path", { class: "gridline", d: `M${MARGIN.left} ${y}H${right}` }),
				svg("text", { x: MARGIN.left - 7, y: Number(y) + 4, "text-anchor": "end" }, text));
		}
		const zone = new Date(this.to).getTimezoneOffset() * MINUTE;
		for (let at = Math.ceil((this.from - zone) / step) * step + zone; at <= this.to; at += step) {
			const x = this.x(at), text = clock(at, step < MINUTE);
			if (x > MARGIN.left + 14 && x < right - 10)
				parts.push(svg("path", { class: "gridline", d: `M${x.toFixed(1)} ${HEIGHT - MARGIN.bottom}v4` }),
					svg("text", { x: x.toFixed(1), y: HEIGHT - 4, "text-anchor": "middle" }, text));
		}
		return parts;
	}

	// A line breaks where nobody looked, or nothing was to be seen.
	lines(series, i) {
		const runs = [];
		let run = null, last = null;
		for (const s of this.shown) {
			const value = series.of(s);
			if (value === null || (last && s.at - last > GAP_MS))
				run = null;
			last = s.at;
			if (value === null)
				continue;
			if (!run)
				runs.push(run = []);
			run.push(`${this.x(s.at).toFixed(1)} ${this.y(value).toFixed(1)}`);
		}
		return runs.flatMap((points) => {
			const d = `M${points.join("L")}`, bottom = HEIGHT - MARGIN.bottom, first = points[0].split(" ")[0];
			const line = svg("path", { class: `stroke s${i + 1}`, d: points.length === 1 ? `${d}h1.5` : d });
			const end = points[points.length - 1].split(" ")[0];
			return series.area ? [svg("path", { class: `area s${i + 1}`, d: `${d}L${end} ${bottom}L${first} ${bottom}Z` }), line] : [line];
		});
	}

	draw() {
		this.scales();
		const told = pointed === null || this.shown.length === 0 ? this.shown[this.shown.length - 1] : this.nearest();
		const parts = this.shown.length === 0 ? [svg("text", { x: this.width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "The first figures come after two looks")]
			: [...this.axes(), ...this.series.flatMap((s, i) => this.lines(s, i))];
		this.drawing.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
		this.series.forEach((s, i) => setText(this.values[i], told ? this.format(s.of(told)) : NONE));
		if (pointed !== null && told) {
			const x = this.x(told.at).toFixed(1);
			parts.push(svg("path", { class: "cursor", d: `M${x} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}` }),
				svg("text", { x: Math.min(this.width - 30, Math.max(MARGIN.left + 24, x)), y: MARGIN.top, "text-anchor": "middle" }, clock(told.at, true)));
		}
		this.drawing.replaceChildren(...parts);
		this.drawing.setAttribute("aria-label", `${this.title}, ${this.unit}, ${told ? clock(told.at, true) : "no figures yet"}: ` +
			this.series.map((s) => `${s.name} ${told ? this.format(s.of(told)) : NONE}`).join(", "));
	}
}

function pointAt(time) {
	pointed = time;
	plots.forEach((plot) => plot.draw());
}
