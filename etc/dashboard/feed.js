// What is asked of the admin API, and when. The token lives in this one variable.

const POLL_MS = 2000;
const SLOW_MS = 10000; // of what changes seldom
const PATIENCE_MS = 6000;
const ASKED_PATIENCE_MS = 30000; // of what somebody wants: it is not done because nobody waited
const BYTES_MOST = 200e3; // a second: with thousands of routes it is asked for less often
const ROUTES_MOST = 5000; // more are not asked for: those with requests stand in the metrics

let token = "";

const ROLES = ["none", "look", "read", "write", "operate"];
const feed = {
	who: "", role: "none", // of this page
	status: null, routes: null, revisions: null, suspended: null, identities: undefined,
	bytes: 0, // of the last answers to what is asked each time
	at: 0, // when the picture was taken; 0: there is none
	fault: "", // why there is no newer one, as a sentence
	wantsToken: false, // or this: nobody without one is answered
	slow: {}, // by what was asked: what its answer depends on, and when it came
};

const may = (role) => ROLES.indexOf(feed.role) >= ROLES.indexOf(role);
// Why something cannot be done; "" when it can be.
function missing(role) {
	if (may(role))
		return "";
	if (feed.role === "look")
		return `This takes the role ${role}, and this address only shows: one of admin.api.listen takes the tokens of admin.api.tokens`;
	return `This takes the role ${role}; ${feed.role === "none" ? "you have none" : `yours is ${feed.role}`}${token ? "" : ", without a token"}`;
}

class Refused extends Error {
	constructor(status, message, reason) {
		super(message);
		Object.assign(this, { status, reason });
	}
}

class Silent extends Error {}

// { status, text, json() }; throws Refused for what is no success, and Silent where no answer came. The path is below the page's own.
async function ask(path, { method = "GET", body, why, match, bearer = token,
	patience = method === "GET" ? PATIENCE_MS : ASKED_PATIENCE_MS } = {}) {
	const headers = { Accept: "application/json" };
	if (bearer)
		headers.Authorization = `Bearer ${bearer}`;
	if (body !== undefined)
		headers["Content-Type"] = "application/json";
	if (why)
		headers["X-Yett-Why"] = String.fromCharCode(...new TextEncoder().encode(why)); // as bytes, which a header takes
	if (match)
		headers["If-Match"] = match;
	let answer, text;
	try {
		answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store",
			credentials: "omit", redirect: "error", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(patience) });
		text = await answer.text();
	} catch (error) {
		throw new Silent(error.name === "TimeoutError" ? `it has not answered for ${span(patience / 1000)}` : "no connection to it");
	}
	if (!answer.ok)
		throw new Refused(answer.status, said(text) || `status ${answer.status}`, answer.headers.get("X-Yett-Reason") ?? "");
	return { status: answer.status, text, json: () => JSON.parse(text) };
}

// The sentence of the envelope, or of a problem.
function said(text) {
	try {
		const json = JSON.parse(text);
		return String(json.message ?? json.detail ?? json.title ?? "");
	} catch {
		return "";
	}
}

async function whoAmI(bearer = token) {
	return (await ask("whoami", { bearer })).json();
}

// Asks when it was never asked, something changed that it depends on, or it is old.
async function seldom(name, depends, role, get, old = SLOW_MS) {
	const before = feed.slow[name], now = Date.now();
	if (!may(role) || (before && before.depends === depends && now - before.at < old))
		return;
	feed.slow[name] = { depends, at: now };
	try {
		feed[name] = await get();
	} catch (error) {
		if (!(error instanceof Refused) || error.status === 401)
			throw error;
		feed[name] = error.message;
	}
}

async function look() {
	if (feed.role === "none")
		Object.assign(feed, await whoAmI());
	feed.wantsToken = feed.role === "none";
	if (feed.wantsToken)
		return;
	const [status, metrics] = await Promise.all([ask("status"), ask("metrics")]);
	feed.status = status.json();
	feed.bytes = status.text.length + metrics.text.length;
	figures.take(metrics.text);
	figures.sample();
	const { table: { version }, rules, suspensions } = feed.status;
	await Promise.all([
		seldom("routes", version, "look", async () => rules.routes > ROUTES_MOST ? [] : (await ask("routes")).json().routes, Infinity),
		seldom("revisions", rules.revision?.revision, "read", async () => (await ask("revisions")).json().data),
		seldom("suspended", suspensions.count, "read", async () => (await ask("suspended?limit=500")).json().data),
		seldom("identities", "", "operate", async () => (await ask("statistics")).json()),
	]);
	feed.at = Date.now();
	feed.fault = "";
}

// After something was done, or somebody else asks.
function askAnew() {
	feed.slow = {};
}

function forgetWho() {
	Object.assign(feed, { who: "", role: "none", identities: undefined, suspended: null, revisions: null });
	askAnew();
}

function faultOf(error) {
	const text = error.message.replace(/\.$/, "");
	if (error instanceof Silent)
		return `The gateway does not answer: ${text}.`;
	if (error instanceof Refused)
		return `The gateway cannot tell: ${text}.`;
	console.error(error);
	return `This page cannot read what the gateway tells (${text}). If that was upgraded, load the page again.`;
}

// After a failure `feed.fault` says what it was, and the last picture stays.
async function tryToLook() {
	const before = feed.fault, up = feed.status?.uptime_s;
	try {
		await look();
		if (before && !feed.fault && up !== undefined)
			sayDone(feed.status.uptime_s < up ? `The gateway answers again; it was started ${span(feed.status.uptime_s)} ago.` : "The gateway answers again.");
	} catch (error) {
		feed.fault = faultOf(error);
		if (error.status !== 401)
			return;
		feed.fault = token ? "The gateway does not know the token any more." : "The gateway asks for a token.";
		token = "";
		feed.wantsToken = true;
		forgetWho();
	}
}
