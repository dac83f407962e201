// The page as a whole: who looks, what state the gateway is in, what needs attention; and the loop that keeps it so.

const TITLE = "Yett";
let tables;

// Nothing where no token is taken.
function tokenButton(kind = "small") {
	if (feed.role === "look")
		return null;
	const button = el("button", { type: "button", class: kind }, "Give a token");
	button.addEventListener("click", askForToken);
	return button;
}

// ---- the head ----

const STATE_KINDS = { ready: "good", degraded: "warn" };

function showHead() {
	const s = feed.status, about = s ? [s.version, `up ${span(s.uptime_s)}`, `table ${s.table.version}`, s.rules.revision ? `rules ${s.rules.revision.revision}` : "",
		s.gateway ? `gateway ${s.gateway.slice(0, 8)}` : ""].filter(Boolean).join(" \u00b7 ") : "";
	const [kind, text] = feed.wantsToken ? ["idle", "wants a token"] : feed.fault ? ["bad", "no answer"] : !s ? ["idle", "asking"]
		: [STATE_KINDS[s.state] ?? "bad", s.state === "degraded" && s.degraded ? `degraded: ${s.degraded}` : s.state];
	const state = byId("state").firstElementChild;
	state.className = `mark ${kind}`;
	setText(state, text);
	setText(byId("about"), about);
	setText(byId("role"), feed.role === "none" ? "" : `${feed.who}, ${feed.role}`);
	byId("token").hidden = feed.role === "look";
	setText(byId("token"), token ? "Token\u2026" : "Give a token");
	document.title = kind === "good" ? TITLE : `(!) ${text} \u2013 ${TITLE}`;
}

// Before there is a picture.
function showWelcome() {
	const place = byId("welcome"), told = feed.wantsToken ? "token" : feed.fault;
	place.hidden = feed.at > 0;
	document.querySelector("main").hidden = document.querySelector("nav").hidden = feed.at === 0;
	if (place.dataset.told === told)
		return;
	place.dataset.told = told;
	if (feed.wantsToken)
		place.replaceChildren(el("div", { class: "card" }, el("h2", {}, "This address asks for a token"),
			el("p", {}, "One of admin.api.tokens. With the role read the page shows what happens and by which rules; with write it can change these, and suspend; with operate it shows who asks, too."),
			el("p", { class: "dim" }, "It stays in the memory of this page alone."), tokenButton("main")));
	else
		place.replaceChildren(el("p", { class: "card" }, "Asking the gateway\u2026"));
}

// The last picture stays, and says how old it is: to who listens once, and not each second.
function showNotice() {
	const notice = byId("notice"), [what, age, button] = notice.children;
	document.documentElement.classList.toggle("stale", feed.at > 0 && (feed.fault !== "" || feed.wantsToken));
	notice.hidden = !feed.fault && (!feed.wantsToken || !feed.at);
	notice.classList.toggle("mild", feed.wantsToken);
	if (notice.hidden)
		return;
	setText(what, feed.wantsToken ? feed.fault || "The gateway asks for a token." : `${feed.fault} It is asked again every ${span(POLL_MS / 1000)}.`);
	setText(age, feed.at ? `What you see is ${span((Date.now() - feed.at) / 1000)} old.` : "");
	button.hidden = !feed.wantsToken;
}

// ---- what needs attention ----

function* attention(s) {
	if (s.degraded)
		yield ["warn", `The gateway is degraded: ${s.degraded}.`];
	for (const u of s.upstreams) {
		const down = u.endpoints.filter((e) => !isUp(e));
		if (u.endpoints.length === 0)
			yield ["bad", `Upstream ${u.name} has no endpoint.`, "#upstreams"];
		else if (down.length === u.endpoints.length)
			yield ["bad", `Upstream ${u.name} is down: ${down.map((e) => `${e.address} (${e.error || endpointState(e).text})`).join(", ")}.`, "#upstreams"];
		else if (down.length)
			yield ["warn", `Upstream ${u.name}: ${down.map((e) => `${e.address} is ${endpointState(e).text}${e.error ? ` (${e.error})` : ""}`).join(", ")}.`, "#upstreams"];
	}
	const behind = workerRows(s).filter((w) => workerState(w).kind !== "good");
	if (behind.length)
		yield ["bad", `${plural(behind.length, "worker is", "workers are")} not running by the newest table: ${behind.map(workerName).join(", ")}.`, "#workers"];
	if (s.rules.refused.length)
		yield ["bad", `${plural(s.rules.refused.length, "rule is", "rules are")} refused.`, "#refused"];
	if (s.rules.withheld)
		yield ["warn", `${plural(s.rules.withheld, "deletion is", "deletions are")} withheld, until yett reload --force confirms them.`];
	for (const [what, fault] of [["The store of rules", s.rules.store_error], ["The history of rules", s.rules.history_error]])
		if (fault)
			yield ["bad", `${what}: ${fault}.`];
	if (!["up", "off"].includes(s.redis.state))
		yield ["bad", `Redis ${s.redis.address ?? ""} is ${s.redis.state}${s.redis.error ? `: ${s.redis.error}` : ""}. The last good rules serve.`];
	if (s.suspensions.closed)
		yield ["bad", "Too little is known of suspensions: nobody with an identity passes."];
	for (const c of s.certificates.concat(s.roots).filter((one) => one.state && one.state !== "good"))
		yield ["bad", `Certificate ${c.file ?? c.cert ?? c.ca ?? ""}: ${c.state}${c.reason ? `, ${c.reason}` : ""}.`];
	if (s.last_reload && !s.last_reload.ok)
		yield ["bad", `The last reload was refused, ${since(s.last_reload.at)}: ${s.last_reload.error}`];
}

function showAttention(s) {
	const found = [...attention(s)], list = byId("attention").querySelector("ul"), told = JSON.stringify(found);
	if (list.dataset.told === told)
		return;
	list.dataset.told = told;
	list.replaceChildren(...found.length === 0 ? [el("li", {}, mark("good", "Nothing: every endpoint, worker and rule is as it should be."))]
		: found.map(([kind, text, href]) => el("li", {}, mark(kind, text), ...href ? [" ", el("a", { href }, "See")] : [])));
}

// ---- the loop ----

function showAll() {
	showHead();
	showNotice();
	showWelcome();
	showExplain();
	if (!feed.at)
		return;
	showTiles(feed.status);
	showAttention(feed.status);
	plots.forEach((plot) => plot.draw());
	showUpstreams(tables.upstreams);
	showRoutes(tables.routes);
	tables.workers.show(workerRows(feed.status));
	tables.refusals.show(refusalRows());
	showIdentities(tables.identities);
	showSuspended(tables.suspended);
	showRevisions(tables.revisions);
	tables.refused.show(feed.status.rules.refused);
}

let timer = 0, looking = false, again = false;

// At most one at a time; where an answer takes long it is asked for less often.
async function lookNow() {
	clearTimeout(timer);
	again = looking;
	if (looking)
		return;
	looking = true;
	const began = Date.now();
	await tryToLook();
	looking = false;
	showAll();
	if (again)
		lookNow();
	else if (!document.hidden && !feed.wantsToken)
		timer = setTimeout(lookNow, feed.fault ? POLL_MS : Math.max(POLL_MS, 10 * (Date.now() - began), 1000 * feed.bytes / BYTES_MOST));
}

function start() {
	makeTiles();
	makePlots();
	makeSuspendButton();
	makeExplain();
	tables = { upstreams: makeUpstreams(), routes: makeRoutes(), workers: makeWorkers(), refusals: makeRefusals(), identities: makeIdentities(),
		suspended: makeSuspended(), revisions: makeRevisions(), refused: makeRefused() };
	for (const button of [byId("token"), byId("notice").lastElementChild])
		button.addEventListener("click", askForToken);
	byId("window").addEventListener("change", () => pointAt(null));
	tables.routes.search.addEventListener("change", () => findRoutes(tables.routes));
	byId("theme").addEventListener("change", ({ target }) => { document.documentElement.dataset.theme = target.value; });
	document.addEventListener("visibilitychange", () => {
		if (document.hidden)
			clearTimeout(timer);
		else if (!feed.wantsToken) {
			figures.forget();
			lookNow();
		}
	});
	setInterval(showNotice, 1000);
	lookNow();
}

start();
