// What is happening: the overview, upstreams, routes, workers, refusals.

function makePlots() {
	new Plot(byId("plot-traffic"), { title: "Traffic", unit: "requests a second", least: 1, format: perSecond, series: [
		{ name: "all", of: (s) => s.all, area: true }] });
	new Plot(byId("plot-latency"), { title: "Latency", unit: "milliseconds, logarithmic", least: 10, low: 0.1, format: ms, series: [
		{ name: "median", of: (s) => s.p50 }, { name: "95 %", of: (s) => s.p95 }, { name: "99 %", of: (s) => s.p99 }] });
	new Plot(byId("plot-errors"), { title: "Errors", unit: "requests a second", least: 0.5, format: perSecond, series: [
		{ name: "4xx", of: (s) => s.denied }, { name: "5xx", of: (s) => s.failed }, { name: "no answer", of: (s) => s.lost }] });
}

// ---- the overview ----

const TILES = ["Requests", "Server errors", "Latency", "Under way", "Clients", "Endpoints up"];
const tiles = new Map();

function makeTiles() {
	for (const name of TILES) {
		const tile = { value: el("dd", { class: "value" }, NONE), note: el("dd", { class: "note" }) };
		tile.box = el("div", {}, el("dt", {}, name), tile.value, tile.note);
		tiles.set(name, tile);
		byId("tiles").append(tile.box);
	}
}

function tile(name, value, unit, note, kind = "") {
	const { box, value: place, note: below } = tiles.get(name), told = `${value}|${unit}`;
	box.className = kind;
	setText(below, note);
	if (place.dataset.told !== told)
		place.replaceChildren(value, ...unit && value !== NONE ? [el("small", {}, ` ${unit}`)] : []);
	place.dataset.told = told;
}

const isUp = (e) => e.state !== "dead" && e.ejected_ms === 0 && !e.drained;

function showTiles({ upstreams, workers }) {
	const s = figures.samples[figures.samples.length - 1] ?? {};
	// Each once, however many upstreams have it.
	const endpoints = [...new Map(upstreams.flatMap((u) => u.endpoints).sort((a, b) => isUp(b) - isUp(a)).map((e) => [e.address, e])).values()];
	const up = endpoints.filter(isUp).length;
	const sum = (name) => workers.reduce((n, w) => n + w[name], 0), queued = sum("queued"), broken = (s.failed ?? 0) + (s.lost ?? 0);
	tile("Requests", perSecond(s.all), "/s", `${count(figures.sum("yett_requests_total", undefined, "value"))} counted`);
	tile("Server errors", percent(s.all === undefined ? null : broken, s.all), "", s.all === undefined ? "" : `${perSecond(broken)}\u202f/s; 4xx ${percent(s.denied, s.all)}`,
		broken > 0.01 * s.all ? "bad" : "");
	tile("Latency", ms(s.p50), "ms", s.p99 ? `99\u202f% in ${ms(s.p99)}\u202fms` : s.at ? "nothing was asked" : "");
	tile("Under way", count(sum("in_flight")), "", queued ? `${count(queued)} wait for an endpoint` : "none waits", queued ? "warn" : "");
	tile("Clients", count(sum("connections")), "", plural(sum("tunnels"), "tunnel"));
	tile("Endpoints up", `${count(up)}`, `of ${count(endpoints.length)}`, up < endpoints.length ? `${count(endpoints.length - up)} not in use` : "all in use",
		up === endpoints.length ? "" : endpoints.every((e) => isUp(e) || e.drained) ? "warn" : "bad");
}

// ---- upstreams ----

function endpointState(e) {
	if (e.drained)
		return { kind: "warn", text: e.state === "dead" ? "drained, dead" : "drained", title: "It gets no new requests until it is taken back" };
	if (e.ejected_ms > 0)
		return { kind: "warn", text: `ejected for ${span(e.ejected_ms / 1000)}`, title: "It failed too often in a row" };
	return { kind: { alive: "good", dead: "bad" }[e.state] ?? "idle", text: e.state };
}

function lastProbe(e) {
	const age = e.checked_age_ms === null ? "" : `${span(e.checked_age_ms / 1000)} ago`;
	const what = e.error || (e.last_status ? String(e.last_status) : "");
	return [what, age].filter(Boolean).join(", ") || "not probed";
}

function upstreamRows({ upstreams }) {
	const having = new Map();
	upstreams.forEach((u) => u.endpoints.forEach((e) => having.set(e.address, (having.get(e.address) ?? 0) + 1)));
	const key = (name, u, e) => `yett_upstream_${name}{upstream="${escaped(u)}",endpoint="${escaped(e)}"}`;
	return upstreams.flatMap((u) => [...u.endpoints.map((e) => {
		const requests = figures.rate(key("requests_total", u.name, e.address)), grown = figures.grown(key("requests_total", u.name, e.address));
		const seconds = figures.grown(key("first_byte_seconds_total", u.name, e.address));
		const errors = figures.rate(key("errors_total", u.name, e.address)), failures = figures.rate(key("failures_total", u.name, e.address));
		return { ...e, shared: having.get(e.address) > 1, upstream: u.name, source: u.source, tls: u.tls, requests, errors: errors === null ? null : errors + failures,
			first: grown ? 1000 * seconds / grown : null, flight: figures.value(key("requests_in_flight", u.name, e.address)) };
	}), ...u.left_out.map((e) => ({ upstream: u.name, source: u.source, address: e.address, state: "left out", error: e.reason, left: true,
		ejected_ms: 0, checked_age_ms: null, resolved: [] }))]);
}
const escaped = (text) => text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n");

const makeUpstreams = () => new Table(byId("upstreams"), { caption: "Endpoints of upstreams", key: (e) => `${e.upstream} ${e.address}`,
	empty: "No rule names an upstream.", by: 0, filter: (e) => `${e.upstream} ${e.address} ${e.state} ${e.source}`,
	columns: [
		{ title: "Upstream", of: (e) => e.upstream, under: (e) => e.address, sort: (e) => `${e.upstream} ${e.address}` },
		{ title: "Endpoint", minor: true, of: (e) => ({ text: e.address, title: e.resolved.join(", ") }), sort: (e) => e.address },
		{ title: "State", whole: true, of: endpointState, sort: (e) => `${isUp(e)} ${e.state}` },
		{ title: "Last probe", minor: true, wide: true, of: (e) => e.left ? e.error : lastProbe(e) },
		{ title: "Under way", number: true, minor: true, of: (e) => count(e.flight), sort: (e) => e.flight },
		{ title: "Req/s", number: true, of: (e) => perSecond(e.requests), sort: (e) => e.requests },
		{ title: "Err/s", number: true, of: (e) => perSecond(e.errors), sort: (e) => e.errors },
		{ title: "First byte, ms", number: true, minor: true, of: (e) => ms(e.first), sort: (e) => e.first },
		{ title: "TLS", minor: true, whole: true, of: (e) => e.tls === "unverified" ? { kind: "warn", text: "not verified" } : e.tls ?? "no" },
		{ title: "From", minor: true, whole: true, of: (e) => e.source, sort: (e) => e.source },
		{ title: "Drain", button: true, role: "operate", of: (e) => e.left ? null
			: { label: e.drained ? "Take back" : "Drain", run: () => e.drained ? takeBack(e) : drain(e) } },
	] });

function showUpstreams(table) {
	const rows = upstreamRows(feed.status), more = feed.status.upstreams_more, notes = [];
	if (more)
		notes.push(`${count(more)} upstreams in which nothing is wrong are not shown.`);
	if (rows.some((e) => e.shared))
		notes.push("What several upstreams have is one endpoint: its figures are those of all of them together.");
	table.show(rows, notes.join(" "));
}

function drain(e) {
	const others = feed.status.upstreams.filter((u) => u.endpoints.some((one) => one.address === e.address))
		.map((u) => `${u.name} has ${plural(u.endpoints.filter((one) => one.address !== e.address && isUp(one)).length, "other endpoint")} in use`);
	confirmFirst({ title: `Drain ${e.address}`, label: "Drain",
		text: ["It gets no new requests from any upstream until it is taken back, also after a restart. What is under way goes on to its end.", `${others.join(". ")}.`],
		fields: [el("label", {}, el("input", { type: "checkbox", name: "sticky" }), " Clients whose sticky cookie names it go on coming")],
		async run(form) {
			await ask(`drained/${segment(e.address)}?sticky=${form.get("sticky") ? 1 : 0}`, { method: "PUT" });
			return `${e.address} gets no new requests. What it still has under way is in the table.`;
		} });
}

function takeBack(e) {
	confirmFirst({ title: `Take ${e.address} back`, label: "Take back", text: ["It gets requests again from every upstream that has it."],
		async run() {
			await ask(`drained/${segment(e.address)}`, { method: "DELETE" });
			return `${e.address} gets requests again.`;
		} });
}

// ---- routes ----

function routeRows() {
	const known = new Map((Array.isArray(feed.routes) ? feed.routes : []).concat(found.routes).map((r) => [r.id, { ...r, requests: 0, denied: 0, errors: 0, total: 0 }]));
	const none = figures.last.length < 2;
	for (const { key, labels } of figures.series("yett_route_requests_total")) {
		if (!known.has(labels.route))
			known.set(labels.route, { id: labels.route, requests: 0, denied: 0, errors: 0, total: 0 });
		const r = known.get(labels.route), rate = figures.rate(key) ?? 0;
		r.requests += rate;
		r.total += figures.value(key);
		if (labels.class === "4xx")
			r.denied += rate;
		if (labels.class === "5xx" || labels.class === "none")
			r.errors += rate;
	}
	const grown = (name, id, more = "") => figures.grown(`yett_route_${name}{route="${escaped(id)}"${more}}`);
	return [...known.values()].map((r) => {
		const requests = r.requests * (none ? NaN : figures.seconds), took = grown("duration_seconds_total", r.id);
		return { ...r, requests: none ? null : r.requests, mean: requests > 0 ? 1000 * took / requests : null,
			sent: none ? null : (grown("bytes_total", r.id, ',direction="out"') ?? 0) / figures.seconds };
	});
}

const ROUTE_KINDS = { active: "good", refused: "bad", shadowed: "warn", unreachable: "warn" };
// Of a rule of which nothing could be read, its key.
const hostOf = (r) => r.id === "other" ? "other" : r.state === "refused" && r.host === "" && r.path === "" ? r.id : r.host === "" ? "any" : r.host ?? r.id;
const pathOf = (r) => r.state === "refused" && r.path === "" ? NONE : r.id === "other" ? "requests that no route or another one had" : r.path === undefined ? NONE
	: `${r.path || "/"}${r.exact ? " (exact)" : ""}${r.conditions ? ` if ${r.conditions}` : ""}`;

const makeRoutes = () => new Table(byId("routes"), { caption: "Routes", key: (r) => r.id, empty: "There is no route: every request gets 404.",
	by: 3, down: true, filter: (r) => `${r.host} ${r.path} ${r.upstream} ${r.id} ${r.state} ${r.source}`,
	columns: [
		{ title: "Host", under: pathOf, of: hostOf, sort: (r) => r.host ?? r.id },
		{ title: "Path", minor: true, of: pathOf, sort: (r) => r.path ?? "" },
		{ title: "Upstream", minor: true, of: (r) => r.upstream ?? "", sort: (r) => r.upstream ?? "" },
		{ title: "Requests/s", number: true, of: (r) => perSecond(r.requests), sort: (r) => r.requests },
		{ title: "4xx", number: true, minor: true, of: (r) => r.requests ? percent(r.denied, r.requests) : NONE, sort: (r) => r.denied / (r.requests || 1) },
		{ title: "5xx", number: true, of: (r) => r.requests ? percent(r.errors, r.requests) : NONE, sort: (r) => r.errors / (r.requests || 1) },
		{ title: "Mean, ms", number: true, minor: true, of: (r) => ms(r.mean), sort: (r) => r.mean },
		{ title: "Sent/s", number: true, minor: true, of: (r) => r.sent === 0 ? "0" : bytes(r.sent), sort: (r) => r.sent },
		{ title: "Requests", number: true, minor: true, of: (r) => count(r.total), sort: (r) => r.total },
		{ title: "State", wide: true, of: (r) => r.state ? { kind: r.reason && r.state === "active" ? "warn" : ROUTE_KINDS[r.state],
			text: r.reason ? `${r.state}: ${r.reason}` : r.state } : "", sort: (r) => r.state ?? "" },
		{ title: "From", minor: true, whole: true, of: (r) => r.source ?? "", sort: (r) => r.source ?? "" },
	] });

// Of too many to know all of them, those that were looked for.
let found = { words: "", routes: [], note: "" };

async function findRoutes(table) {
	const words = table.search.value.trim();
	if (feed.status.rules.routes <= ROUTES_MOST || words === found.words)
		return;
	found = { words, routes: [], note: "" };
	if (words) {
		try {
			const answer = (await ask(`routes?find=${encodeURIComponent(words)}`, { patience: ASKED_PATIENCE_MS })).json();
			if (found.words !== words)
				return;
			found.routes = answer.routes;
			found.note = ` ${count(answer.found)} have these words.`;
		} catch (error) {
			found.note = ` They cannot be looked for now: ${error.message}.`;
		}
	}
	showRoutes(table);
}

function showRoutes(table) {
	const more = feed.status.rules.routes > ROUTES_MOST
		? `Of ${count(feed.status.rules.routes)} routes those with requests of their own are shown; for others write what they are called into the filter, and Enter.${found.note}` : "";
	if (typeof feed.routes === "string")
		table.say(feed.routes);
	else
		table.show(routeRows(), more);
}

// ---- workers, refusals ----

const workerRows = ({ workers, admin, table }) => [...workers, admin].map((w) => ({ ...w, newest: table.version }));
const workerName = (w) => w.role === "admin" ? "admin" : String(w.slot);

function workerState(w) {
	if (w.state !== "running")
		return { kind: "bad", text: w.state };
	return w.version < w.newest ? { kind: "warn", text: "behind" } : { kind: "good", text: w.state };
}

const makeWorkers = () => new Table(byId("workers"), { caption: "Workers", key: workerName, empty: "There is none.", columns: [
	{ title: "Worker", of: workerName },
	{ title: "Process", number: true, minor: true, of: (w) => String(w.pid) },
	{ title: "State", whole: true, of: workerState },
	{ title: "Table", number: true, of: (w) => count(w.version) },
	{ title: "Clients", number: true, of: (w) => count(w.connections) },
	{ title: "Under way", number: true, of: (w) => count(w.in_flight) },
	{ title: "Restarts", number: true, of: (w) => count(w.restarts) },
	{ title: "Heartbeat", number: true, minor: true, of: (w) => w.heartbeat_age_ms === null ? NONE : `${count(w.heartbeat_age_ms)} ms` },
] });

const refusalRows = () => figures.series("yett_refusals_total").map(({ key, labels }) => ({ reason: labels.reason, rate: figures.rate(key), total: figures.value(key) }))
	.filter((r) => r.total > 0);
const makeRefusals = () => new Table(byId("refusals"), { caption: "Refusals by the gateway", key: (r) => r.reason, by: 1, down: true,
	empty: "The gateway has refused nothing.", columns: [
		{ title: "Reason", of: (r) => r.reason, sort: (r) => r.reason },
		{ title: "A second", number: true, of: (r) => perSecond(r.rate), sort: (r) => r.rate },
		{ title: "In all", number: true, of: (r) => count(r.total), sort: (r) => r.total },
	] });
