// What counters say: the metrics as the gateway writes them, the last few of them, and rates between.

const RATES_OVER = 6; // polls, so that a rate of a few requests a second does not leap

const seriesKnown = new Map(); // by its text: { name, labels }

function readSeries(text) {
	const brace = text.indexOf("{"), labels = {};
	if (brace < 0)
		return { name: text, labels };
	for (const [, name, value] of text.slice(brace).matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
		labels[name] = value.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c);
	return { name: text.slice(0, brace), labels };
}

// { value: Map by text, family: Map by name, of lists of { key, labels } }
function readMetrics(text) {
	const value = new Map(), family = new Map();
	for (const line of text.split("\n")) {
		if (line === "" || line[0] === "#")
			continue;
		const end = line.lastIndexOf(" "), key = line.slice(0, end);
		if (!seriesKnown.has(key))
			seriesKnown.set(key, readSeries(key));
		const { name, labels } = seriesKnown.get(key);
		value.set(key, Number(line.slice(end + 1)));
		if (!family.has(name))
			family.set(name, []);
		family.get(name).push({ key, labels });
	}
	if (seriesKnown.size > 4 * value.size + 1000) // routes come and go
		seriesKnown.clear();
	return { value, family };
}

// "none": the client heard nothing.
const classOf = ({ code }) => code === "none" ? "none" : `${code[0]}xx`;

const figures = {
	last: [], // { at, value, family } of the last polls, the newest at the end
	samples: [], // what the plots show: { at, rates... }

	take(text) {
		const now = { at: Date.now(), ...readMetrics(text) }, before = this.last[this.last.length - 1];
		const key = "yett_request_duration_seconds_count";
		if (before && now.value.get(key) < before.value.get(key))
			this.last = []; // counted anew: another gateway than before
		this.last.push(now);
		if (this.last.length > RATES_OVER)
			this.last.shift();
	},

	// After a pause nothing is said of the time in which nobody looked.
	forget() {
		this.last = [];
	},

	get newest() {
		return this.last[this.last.length - 1];
	},
	series(name) {
		return this.newest?.family.get(name) ?? [];
	},
	value(key) {
		return this.newest?.value.get(key) ?? null;
	},
	// How much more than at the first of the polls; null where there was none.
	grown(key) {
		if (this.last.length < 2)
			return null;
		return Math.max(0, this.newest.value.get(key) - (this.last[0].value.get(key) ?? 0)) || 0;
	},
	rate(key) {
		const grown = this.grown(key);
		return grown === null ? null : grown / this.seconds;
	},
	get seconds() {
		return (this.newest.at - this.last[0].at) / 1000;
	},
	// Over all series of a family that `wanted` likes.
	sum(name, wanted = () => true, of = "rate") {
		let sum = this.last.length < 2 && of !== "value" ? null : 0;
		for (const { key, labels } of this.series(name))
			if (sum !== null && wanted(labels))
				sum += this[of](key);
		return sum;
	},

	// Milliseconds below which that part of the requests were; null where there were none. Within a bucket even.
	quantile(q) {
		const buckets = this.series("yett_request_duration_seconds_bucket").filter(({ labels }) => Object.keys(labels).length === 1);
		const all = buckets.map(({ key, labels }) => ({ le: labels.le === "+Inf" ? Infinity : Number(labels.le), n: this.grown(key) }));
		const total = all.length ? all[all.length - 1].n : 0;
		let low = 0, below = 0;
		for (const { le, n } of total ? all : []) {
			if (n >= q * total)
				return 1000 * (le === Infinity ? low : low + (le - low) * (q * total - below) / (n - below));
			low = le;
			below = n;
		}
		return null;
	},

	// For the plots.
	sample() {
		const of = (...classes) => this.sum("yett_requests_total", (labels) => classes.includes(classOf(labels)));
		const sample = { at: this.newest?.at ?? Date.now(), all: this.sum("yett_requests_total"), good: of("1xx", "2xx", "3xx"),
			denied: of("4xx"), failed: of("5xx"), lost: of("none"),
			p50: this.last.length > 1 ? this.quantile(0.5) : null, p95: this.last.length > 1 ? this.quantile(0.95) : null,
			p99: this.last.length > 1 ? this.quantile(0.99) : null };
		if (sample.all === null)
			return;
		this.samples.push(sample);
		while (this.samples[0].at < sample.at - 3600e3)
			this.samples.shift();
	},
};
