// Who and what the rules are about: identities, who is suspended, revisions, refused rules; and what may be done about them.

// ---- identities and suspensions ----

const HOURS = [["", "until it is resumed"], ["1", "for an hour"], ["24", "for a day"], ["168", "for a week"]];

function suspend(kind = "sub", id = null) {
	confirmFirst({
		title: id === null ? "Suspend somebody" : `Suspend ${id}`, label: "Suspend",
		text: ["This gateway, and every one that shares its Redis, refuses them from now on and closes what is under way: WebSockets, streams, downloads."],
		fields: [...id === null ? [choice("What it is", "kind", [["sub", "an identity (sub)"], ["sid", "a session (sid)"], ["jti", "a token (jti)"]]),
			field("Its id", "id", { required: true, spellcheck: "false" })] : [], choice("How long", "hours", HOURS), field("Why", "reason", { maxlength: "1000" })],
		async run(form) {
			const what = form.get("kind") ?? kind, who = id ?? form.get("id"), hours = Number(form.get("hours"));
			const body = { reason: form.get("reason") };
			if (hours)
				body.until = Math.floor(Date.now() / 1000) + 3600 * hours;
			const answer = await ask(`suspended/${segment(what)}/${segment(who)}`, { method: "PUT", body });
			return outcome(answer, `${who} is suspended: ${said(answer.text)}.`);
		} });
}

function resume(row) {
	confirmFirst({ title: `Resume ${row.id}`, label: "Resume", text: ["They may pass again here, and at every gateway that shares the Redis."],
		async run() {
			return outcome(await ask(`suspended/${segment(row.kind)}/${segment(row.id)}`, { method: "DELETE" }), `${row.id} may pass again.`);
		} });
}

const makeIdentities = () => new Table(byId("identities"), { caption: "Top identities", key: (i) => i.name, by: 1, down: true,
	empty: "Nobody with an identity has asked for anything.", columns: [
		{ title: "Identity", of: (i) => i.name, sort: (i) => i.name },
		{ title: "Requests", number: true, of: (i) => count(i.requests), sort: (i) => i.requests },
		{ title: "4xx", number: true, of: (i) => count(i.denied), sort: (i) => i.denied },
		{ title: "5xx", number: true, of: (i) => count(i.errors), sort: (i) => i.errors },
		{ title: "Bytes", number: true, minor: true, of: (i) => bytes(i.bytes), sort: (i) => i.bytes },
		{ title: "Mean, ms", number: true, minor: true, of: (i) => ms(i.requests ? i.duration_us / 1000 / i.requests : null) },
		{ title: "Suspend", button: true, role: "write", of: (i) => isSuspended(i.name) ? { label: "Suspended", reason: "It is already" }
			: { label: "Suspend", run: () => suspend("sub", i.name) } },
	] });
const isSuspended = (name) => (feed.suspended?.suspended ?? []).some((s) => s.kind === "sub" && s.id === name);

function showIdentities(table) {
	const all = feed.identities;
	if (!may("operate"))
		table.say(`${missing("operate")}.`, tokenButton());
	else if (typeof all === "string" || !all)
		table.say(all || "Not known yet.");
	else if (!all.identities_counted)
		table.say("Identities are not counted: statistics.identities is false.");
	else
		table.show(all.identities.list, all.identities.slack ? `Each has up to ${count(all.identities.slack)} requests more than the table says.` : "");
}

const makeSuspended = () => new Table(byId("suspended"), { caption: "Suspended", key: (s) => `${s.kind} ${s.id}`, by: 2,
	empty: "Nobody is suspended.", columns: [
		{ title: "Who", of: (s) => s.id === "*" ? "everybody" : s.id, sort: (s) => s.id },
		{ title: "Kind", whole: true, minor: true, of: (s) => s.kind, sort: (s) => s.kind },
		{ title: "Since", whole: true, minor: true, of: (s) => ({ text: since(s.since), title: moment(s.since) }), sort: (s) => -Date.parse(s.since) },
		{ title: "Until", minor: true, of: (s) => s.until ? moment(s.until) : "resumed" },
		{ title: "By", minor: true, of: (s) => s.by ?? "a key of Redis", sort: (s) => s.by ?? "" },
		{ title: "Why", of: (s) => `${s.reason || NONE}${s.before ? ` (tokens from before ${moment(s.before)})` : ""}` },
		{ title: "Resume", button: true, role: "write", of: (s) => ({ label: "Resume", reason: s.kind === "key" ? "A raw key of Redis suspends it: delete the key" : "",
			run: () => resume(s) }) },
	] });

function showSuspended(table) {
	if (!may("read"))
		table.say(`${missing("read")}.`, tokenButton());
	else if (typeof feed.suspended === "string" || !feed.suspended)
		table.say(feed.suspended || "Not known yet.");
	else
		table.show(feed.suspended.suspended, feed.suspended.count > feed.suspended.suspended.length ? `Of ${count(feed.suspended.count)} in all.` : "");
	const button = byId("suspend");
	button.hidden = !may("write");
}

function makeSuspendButton() {
	const button = el("button", { type: "button", id: "suspend", class: "end small" }, "Suspend somebody");
	button.addEventListener("click", () => suspend());
	byId("suspended").querySelector(".head").append(button);
}

// ---- revisions ----

// What would change is asked for first, and only that is done.
async function rollBack(to) {
	const path = `rollback?to=${encodeURIComponent(to.revision)}`;
	let dry;
	try {
		dry = (await ask(`${path}&dry_run=1`, { method: "POST" })).json();
	} catch (error) {
		sayDone(`Cannot roll back to ${to.revision}: ${error.message}`);
		return;
	}
	const diff = dry.data?.diff ?? {}, changes = ["added", "changed", "removed"].map((what) => [what, diff[what] ?? []]).filter(([, keys]) => keys.length > 0);
	confirmFirst({ title: "Roll back the rules", label: "Roll back",
		text: [`To what they were at ${moment(to.at)} (${to.revision}, by ${to.who}).`, ...changes.length === 0 ? ["Nothing would change."]
			: changes.map(([what, keys]) => el("div", {}, el("h3", {}, `${count(keys.length)} ${what}`), el("pre", {}, keys.slice(0, 30).map(changedName).join("\n") +
				(keys.length > 30 ? `\nand ${count(keys.length - 30)} more` : ""))))],
		fields: [field("Why", "why", { maxlength: "500" })],
		async run(form) {
			const answer = await ask(path, { method: "POST", why: form.get("why") || "rolled back on the dashboard", match: `"${dry.revision}"` });
			return outcome(answer, `The rules are as they were at ${moment(to.at)}.`);
		} });
}
const changedName = (entry) => typeof entry === "string" ? entry : entry.key ?? entry.name ?? JSON.stringify(entry);

const makeRevisions = () => new Table(byId("rules"), { caption: "Revisions of the rules", key: (r) => r.revision, empty: "The rules come from the file alone, or were never changed.", columns: [
	{ title: "When", whole: true, of: (r) => ({ text: since(r.at), title: moment(r.at) }) },
	{ title: "Who", of: (r) => r.who },
	{ title: "Why", wide: true, of: (r) => r.why || NONE },
	{ title: "Keys", number: true, minor: true, of: (r) => Array.isArray(r.keys) ? count(r.keys.length) : typeof r.keys === "number" ? count(r.keys) : NONE },
	{ title: "Revision", minor: true, whole: true, of: (r) => r.revision },
	{ title: "Roll back", button: true, role: "write", of: (r) => r.current ? { label: "In force", reason: "These are the rules in force" }
		: { label: "Roll back", run: () => rollBack(r) } },
] });

function showRevisions(table) {
	const all = feed.revisions;
	if (!may("read"))
		table.say(`${missing("read")}.`, tokenButton());
	else if (typeof all === "string" || !all)
		table.say(all || "Not known yet.");
	else
		table.show(all.revisions.map((r) => ({ ...r, current: r.revision === all.revision?.revision })), all.history_error || "");
}

// ---- refused rules ----

const makeRefused = () => new Table(byId("refused"), { caption: "Refused rules", key: (r) => r.key, empty: "Every rule is good.", columns: [
	{ title: "Rule", of: (r) => ({ text: r.key, kind: r.kept ? "warn" : "bad" }) },
	{ title: "Why", wide: true, of: (r) => r.reason },
	{ title: "In force", of: (r) => ({ 503: "503 for what it matches" })[r.in_force] ?? r.in_force },
	{ title: "Since", whole: true, of: (r) => ({ text: since(r.since), title: moment(r.since) }) },
] });
