// The box that asks what would become of a request.

function explainFields(form) {
	const headers = [];
	for (const line of form.get("headers").split("\n").map((text) => text.trim()).filter(Boolean)) {
		const colon = line.indexOf(":");
		if (colon < 1)
			throw new Error(`"${line}" is no header: write Name: value`);
		headers.push({ name: line.slice(0, colon), value: line.slice(colon + 1).trim() });
	}
	const asked = { method: form.get("method"), url: form.get("url").trim(), headers };
	return form.get("from").trim() ? { ...asked, from: form.get("from").trim() } : asked;
}

// Anything that JSON can say, for people.
function tree(value) {
	if (Array.isArray(value))
		return value.every((one) => typeof one !== "object" || one === null) ? el("span", {}, value.join(", ") || "none")
			: el("div", {}, ...value.map(tree));
	if (value === null || typeof value !== "object")
		return el("span", {}, value === null || value === "" ? NONE : value === true ? "yes" : value === false ? "no" : String(value));
	return el("dl", { class: "steps" }, ...Object.entries(value).flatMap(([name, one]) => [el("dt", {}, name.replace(/_/g, " ")), el("dd", {}, tree(one))]));
}

function resultOf(a) {
	if (a.outcome === "forwarded") {
		const picked = a.upstream?.endpoints.find((e) => e.picked);
		return mark("good", `Forwarded to ${a.upstream?.name ?? "its upstream"}${picked ? `, ${picked.address}` : ""}`);
	}
	if (a.outcome === "refused")
		return mark("bad", `Refused with ${a.status} ${a.reason}: ${a.detail}${a.field ? ` (${a.field})` : ""}`);
	return mark(a.outcome === "queued" ? "warn" : "good", `${a.outcome === "queued" ? "Waits for an endpoint" : "Answered by the gateway"}${a.status ? ` with ${a.status}` : ""}`);
}

function gateOf(gate) {
	const by = gate.by ? ` by ${gate.by.entry} ${gate.by.host || ""}${gate.by.path}` : "";
	const token = gate.token === null ? "none was looked at" : gate.token === "good" ? "a good one" : gate.token;
	return `${gate.protected ? `A token is needed${by}` : `No token is needed${by}`}. Token: ${token}${gate.suspension && gate.suspension !== "none" ? `, ${gate.suspension}` : ""}.`;
}

function endpointsOf(upstream) {
	return el("span", {}, `${upstream.name}: `, ...upstream.endpoints.flatMap((e, i) => [i ? ", " : "",
		mark({ alive: "good", dead: "bad" }[e.state] ?? "idle", `${e.address} ${e.state}${e.picked ? ", picked" : ""}, ${plural(e.in_flight, "request")}`)]));
}

function explained(a) {
	const steps = [["Route", a.route ? `${a.route.id} (${a.route.host || "any host"} ${a.route.path || "/"}${a.route.exact ? ", exact" : ""})` : "none matches"],
		["Gate", a.gate ? gateOf(a.gate) : null], ["Upstream", a.upstream ? endpointsOf(a.upstream) : null],
		["Who may", a.authorisation?.length ? tree(a.authorisation) : null], ["Limits", a.limits?.length ? tree(a.limits) : null],
		["Nearly matched", a.near?.length ? tree(a.near) : null],
		["Sent upstream", a.sent ? el("pre", {}, [a.sent.line, ...a.sent.headers.map((h) => `${h.name}: ${h.value}`)].join("\n")) : null]];
	return [el("p", { class: "result" }, resultOf(a)),
		el("dl", { class: "steps" }, ...steps.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
		el("details", {}, el("summary", {}, "The whole answer"), el("pre", {}, JSON.stringify(a, null, 2)))];
}

function makeExplain() {
	const form = byId("explain").querySelector("form"), answer = form.querySelector(".answer"), go = form.querySelector("button");
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		go.disabled = true;
		try {
			answer.replaceChildren(...explained((await ask("explain", { method: "POST", body: explainFields(new FormData(form)) })).json()));
		} catch (error) {
			answer.replaceChildren(el("p", { class: "fault" }, `Not explained: ${error.message}`));
		}
		showExplain();
	});
}

function showExplain() {
	const form = byId("explain").querySelector("form");
	form.querySelector("button").disabled = !may("read");
	setText(form.querySelector(".why"), missing("read"));
}
