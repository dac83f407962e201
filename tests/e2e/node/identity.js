// An identity provider that people log in at, with the package `oidc-provider`: node identity.js PORT PEM SETTINGS. Its only page
// asks for a name, which is taken without a password. Refresh tokens rotate, and one that is used twice takes all of its
// family along. Below /test it says what it was asked for, and does what a test tells it to. Prints "ready".
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const https = require("https");
const { pathToFileURL } = require("url");

const [port, file, given] = process.argv.slice(2);
const told = JSON.parse(given); // name, clients, access_s, plain
const pem = fs.readFileSync(file);
const issuer = `${told.plain ? "http" : "https"}://localhost:${port}`;
const asked = {}; // by path, and of the token endpoint by grant
let failing = {}; // path: status
const logouts = [], sent = []; // what relying parties were told, and in which words

console.info = console.warn = () => {}; // it has advice for those who run it in earnest

for (const name of ["write", "end"]) {
	const send = http.ClientRequest.prototype[name];
	http.ClientRequest.prototype[name] = function (piece, ...rest) {
		if (piece && typeof piece !== "function")
			sent.push(String(piece));
		return send.call(this, piece, ...rest);
	};
}

const page = (title, body) => `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><body style="font:1rem sans-serif;max-width:20rem;margin:4rem auto"><h1>${title}</h1>${body}</body></html>`;

const settings = {
	clients: told.clients,
	cookies: { keys: [crypto.randomBytes(32).toString("hex")], names: { session: `s${port}`, interaction: `i${port}`, resume: `r${port}` } },
	jwks: { keys: [{ ...crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }), use: "sig", kid: `k${port}`, alg: "ES256" }] },
	claims: { openid: ["sub"], profile: ["name", "preferred_username"], email: ["email"] },
	conformIdTokenClaims: false,
	scopes: ["openid", "profile", "email", "offline_access"],
	pkce: { required: () => true },
	rotateRefreshToken: true,
	issueRefreshToken: () => true,
	ttl: { AccessToken: told.access_s || 3600, IdToken: 3600, RefreshToken: 86400, Session: 86400, Grant: 86400, Interaction: 600, AuthorizationCode: 60 },
	findAccount: (_, id) => ({
		accountId: id,
		claims: () => ({ sub: id, name: `${id} of ${told.name}`, preferred_username: id, email: `${id}@${told.name}.example` }),
	}),
	loadExistingGrant: async (ctx) => {
		const { client, session, provider, params } = ctx.oidc;
		const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
		grant.addOIDCScope(params.scope);
		await grant.save();
		return grant;
	},
	interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
	renderError: (ctx, out) => { ctx.type = "json"; ctx.body = out; },
	features: {
		devInteractions: { enabled: false },
		revocation: { enabled: true },
		backchannelLogout: { enabled: true },
		rpInitiatedLogout: {
			enabled: true,
			logoutSource: (ctx, form) => {
				const yes = form.replace("</form>", '<input type="hidden" name="logout" value="yes"></form>');
				ctx.body = page("Bye", yes + "<script>document.forms[0].submit()</script>");
			},
			postLogoutSuccessSource: (ctx) => { ctx.body = page("Logged out", "<p>of the provider</p>"); },
		},
	},
};

const body = (request) => new Promise((resolve) => {
	let all = "";
	request.on("data", (piece) => (all += piece)).on("end", () => resolve(new URLSearchParams(all)));
});

async function interaction(provider, request, response) {
	if (request.method === "GET") {
		response.setHeader("Content-Type", "text/html; charset=utf-8");
		return response.end(page(`Log in at ${told.name}`, `<form method="post" action="${request.url}">
<p><label>Name <input name="login" autofocus></label></p><button name="go" value="1">Log in</button> <button name="cancel" value="1">Cancel</button></form>`));
	}
	const form = await body(request);
	const result = form.get("cancel") ? { error: "access_denied", error_description: "<script>no</script>" } : { login: { accountId: form.get("login") } };
	return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

function test(url, response) {
	if (url.pathname === "/test/fail") {
		failing = Object.fromEntries(url.searchParams);
	}
	response.setHeader("Content-Type", "application/json");
	response.end(JSON.stringify({ asked, logouts, sent }));
}

async function main() {
	// It is a module, which looks for others beside itself alone.
	const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
	const provider = new Provider(issuer, settings);
	const callback = provider.callback();

	provider.on("grant.success", (ctx) => {
		const grant = `grant:${ctx.oidc.params.grant_type}`;
		asked[grant] = (asked[grant] || 0) + 1;
	});
	provider.on("backchannel.success", (ctx, client, accountId) => logouts.push([client.clientId, accountId]));
	provider.on("backchannel.error", (ctx, error, client, accountId) => logouts.push([client.clientId, accountId, `${error}: ${error.cause}`]));
	const serve = (request, response) => {
		const url = new URL(request.url, issuer);
		if (url.pathname.startsWith("/test/"))
			return test(url, response);
		asked[url.pathname] = (asked[url.pathname] || 0) + 1;
		if (failing[url.pathname]) {
			response.statusCode = Number(failing[url.pathname]);
			response.setHeader("Content-Type", "application/json");
			return response.end('{"error":"told_so"}');
		}
		if (url.pathname.startsWith("/interaction/"))
			return interaction(provider, request, response).catch((e) => response.writeHead(400).end(String(e)));
		return callback(request, response);
	};
	const server = told.plain ? http.createServer(serve) : https.createServer({ key: pem, cert: pem }, serve);
	server.listen(port, "127.0.0.1", () => process.stdout.write("ready\n"));
	process.stdin.on("end", () => process.exit(0)).resume();
}

main();
