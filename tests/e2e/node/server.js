// A WebSocket server with the `ws` package. Its path says what it does; GET /state tells what it has seen. Prints its port.
"use strict";
const crypto = require("crypto");
const http = require("http");
const { WebSocketServer } = require("ws");

const state = { connections: 0, closes: [], pongs: [], sent: 0, received: 0 };

const digest = (data) => crypto.createHash("sha256").update(data).digest("hex");

const behaviours = {
	echo(ws) {
		ws.on("message", (data, binary) => ws.send(data, { binary }));
	},
	// Each message comes back in fragments, with a ping between two of them.
	fragments(ws) {
		ws.on("message", (data, binary) => {
			const third = Math.ceil(data.length / 3);
			ws.send(data.subarray(0, third), { binary, fin: false });
			ws.ping("between");
			ws.send(data.subarray(third, 2 * third), { binary, fin: false });
			ws.send(data.subarray(2 * third), { binary, fin: true });
		});
	},
	// Tells what came, and says as much itself.
	digest(ws) {
		ws.on("message", (data) => {
			const own = crypto.randomBytes(data.length);
			ws.send(JSON.stringify({ got: digest(data), own: digest(own) }));
			ws.send(own);
		});
	},
	close(ws, query) {
		ws.close(Number(query.get("code")), query.get("reason"));
	},
	// Speaks before it is spoken to, and pings.
	greet(ws) {
		ws.send("hello");
		ws.ping("are you there");
	},
	flood(ws, query) {
		const piece = Buffer.alloc(1 << 20, "x");
		let left = Number(query.get("mib"));
		const next = () => {
			if (left-- === 0)
				return ws.close(1000);
			ws.send(piece, (error) => {
				state.sent += piece.length;
				error || next();
			});
		};
		next();
	},
	// Reads nothing until it is asked to (GET /go).
	stuck(ws) {
		ws.pause();
		ws.on("message", (data) => (state.received += data.length));
		waiting.push(() => ws.resume());
	},
};
let waiting = [];

const server = http.createServer((request, response) => {
	if (request.url === "/go") {
		waiting.forEach((go) => go());
		waiting = [];
	}
	response.setHeader("Content-Type", "application/json");
	response.end(JSON.stringify(state));
});

const sockets = new WebSocketServer({
	server,
	perMessageDeflate: { threshold: 0 },
	handleProtocols: (offered) => (offered.has("v2.chat") ? "v2.chat" : false),
	verifyClient: ({ req }, done) => (req.url === "/refuse" ? done(false, 403, "not you", { "X-A": "1" }) : done(true)),
});

sockets.on("connection", (ws, request) => {
	const url = new URL(request.url, "http://a");
	state.connections++;
	ws.on("error", () => {});
	ws.on("pong", (data) => state.pongs.push(data.toString()));
	ws.on("close", (code, reason) => state.closes.push([code, reason.toString()]));
	behaviours[url.pathname.slice(1)](ws, url.searchParams);
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
