// An OpenID provider with the package `oidc-provider`: provider.js PORT PEM. Gives a machine that names itself an access token
// that is a JWT, for the resource urn:shop. A line of standard input is a list of keys (JWK), which it has from then on;
// the first one signs. Says "ready" behind each.
"use strict";
const fs = require("fs");
const https = require("https");
const readline = require("readline");
const { pathToFileURL } = require("url");

const [port, file] = process.argv.slice(2);
const pem = fs.readFileSync(file);
const issuer = `https://localhost:${port}`;
let handler = null;

console.info = () => {}; // it has advice for those who run it in earnest, on standard output

const settings = (keys) => ({
	jwks: { keys },
	clients: [{
		client_id: "machine",
		client_secret: "secret of the machine",
		grant_types: ["client_credentials"],
		redirect_uris: [],
		response_types: [],
	}],
	features: {
		devInteractions: { enabled: false },
		clientCredentials: { enabled: true },
		resourceIndicators: {
			enabled: true,
			getResourceServerInfo: () => ({
				scope: "read write",
				audience: "shop",
				accessTokenFormat: "jwt",
				jwt: { sign: { alg: keys[0].alg, kid: keys[0].kid } },
			}),
		},
	},
});

async function main() {
	// It is a module, which looks for others beside itself alone.
	const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));
	const server = https.createServer({ key: pem, cert: pem }, (request, response) => handler(request, response));
	const lines = readline.createInterface({ input: process.stdin });

	lines.on("line", (line) => {
		handler = new Provider(issuer, settings(JSON.parse(line))).callback();
		if (server.listening)
			process.stdout.write("ready\n");
		else
			server.listen(port, "127.0.0.1", () => process.stdout.write("ready\n"));
	});
	lines.on("close", () => process.exit(0));
}

main();
