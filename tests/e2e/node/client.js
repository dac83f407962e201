// Scenarios of a WebSocket client with the `ws` package: node client.js URL SCENARIO... ; exit status 0 when all hold.
// A scenario may print lines for the test, and waits for lines of it.
"use strict";
const assert = require("assert");
const crypto = require("crypto");
const { once } = require("events");
const readline = require("readline");
const WebSocket = require("ws");

const base = process.argv[2];
const lines = readline.createInterface({ input: process.stdin });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const digest = (data) => crypto.createHash("sha256").update(data).digest("hex");

const message = async (ws) => (await once(ws, "message"))[0];

async function open(path, protocols = [], options = {}) {
	const ws = new WebSocket(base + path, protocols, { perMessageDeflate: false, ...options });
	await once(ws, "open");
	return ws;
}

async function closed(ws) {
	const [code, reason] = ws.readyState === WebSocket.CLOSED ? [ws._closeCode, ws._closeMessage] : await once(ws, "close");
	return [code, reason.toString()];
}

async function close(ws) {
	ws.close(1000);
	assert.deepStrictEqual(await closed(ws), [1000, ""]);
}

async function echo(ws, data) {
	ws.send(data);
	const back = await message(ws);
	assert.ok(Buffer.from(data).equals(back), "the echo differs");
}

const scenarios = {
	// Negotiated between the ends, and compressed all the way.
	async deflate() {
		const ws = await open("/echo", [], { perMessageDeflate: { threshold: 0 } });
		assert.match(ws.extensions, /^permessage-deflate/);
		const before = ws._socket.bytesRead;
		await echo(ws, "all work and no play ".repeat(50000));
		await echo(ws, "again");
		assert.ok(ws._socket.bytesRead - before < 50000, "it came uncompressed");
		await close(ws);
		const plain = await open("/echo");
		assert.strictEqual(plain.extensions, "");
		await echo(plain, "x");
		await close(plain);
	},

	async fragments() {
		const ws = await open("/fragments");
		const pings = [];
		ws.on("ping", (data) => pings.push(data.toString()));
		const parts = ["a", "b".repeat(70000), "", "c".repeat(3)];
		parts.slice(0, -1).forEach((part) => ws.send(part, { fin: false }));
		ws.ping("mine"); // may stand between fragments (RFC 6455 section 5.4)
		ws.send(parts.at(-1), { fin: true });
		assert.strictEqual((await message(ws)).toString(), parts.join(""));
		assert.deepStrictEqual(pings, ["between"]);
		await close(ws);
	},

	async pings() {
		const ws = new WebSocket(base + "/greet");
		const ping = once(ws, "ping"), hello = message(ws); // both may come with the 101
		await once(ws, "open");
		assert.strictEqual((await hello).toString(), "hello");
		assert.strictEqual((await ping)[0].toString(), "are you there");
		for (const payload of ["", "p", "x".repeat(125)]) {
			ws.ping(payload);
			assert.strictEqual((await once(ws, "pong"))[0].toString(), payload);
		}
		await close(ws);
	},

	async "close codes"() {
		for (const [code, reason] of [[1000, ""], [1001, "away"], [1011, "broken"], [4999, "x".repeat(123)]]) {
			const theirs = new WebSocket(`${base}/close?code=${code}&reason=${reason}`);
			assert.deepStrictEqual(await closed(theirs), [code, reason]);
			const ours = await open("/echo");
			ours.close(code, reason);
			assert.deepStrictEqual(await closed(ours), [code, reason]);
		}
		const gone = await open("/echo");
		gone.terminate(); // the server sees 1006
	},

	async large() {
		const ws = await open("/digest"), data = crypto.randomBytes(16 << 20);
		ws.send(data);
		const told = JSON.parse(await message(ws)), own = await message(ws);
		assert.strictEqual(told.got, digest(data));
		assert.strictEqual(told.own, digest(own));
		assert.strictEqual(own.length, data.length);
		await close(ws);
	},

	async protocols() {
		const ws = await open("/echo", ["v1.chat", "v2.chat"]);
		assert.strictEqual(ws.protocol, "v2.chat");
		await close(ws);
	},

	async firefox() {
		const ws = await open("/echo", [], { finishRequest(request) {
			request.setHeader("Connection", "keep-alive, Upgrade");
			request.end();
		} });
		await echo(ws, "x");
		await close(ws);
	},

	async refused() {
		const ws = new WebSocket(base + "/refuse");
		const [, response] = await once(ws, "unexpected-response");
		assert.strictEqual(response.statusCode, 403);
		assert.strictEqual(response.headers["x-a"], "1");
		let body = "";
		for await (const piece of response)
			body += piece;
		assert.strictEqual(body, "not you");
	},

	async many() {
		const all = await Promise.all(Array.from({ length: 200 }, () => open("/echo")));
		await Promise.all(all.map((ws, i) => echo(ws, "message of " + i)));
		console.log("open");
		await once(lines, "line");
		await Promise.all(all.map((ws, i) => echo(ws, Buffer.alloc(i * 100, i))));
		await Promise.all(all.map(close));
	},

	// One is silent, one pings, one is pinged over a connection that is otherwise silent.
	async idle() {
		const silent = await open("/echo"), pinging = await open("/echo"), begin = Date.now();
		const timer = setInterval(() => pinging.ping(), 100);
		assert.strictEqual((await closed(silent))[0], 1006);
		const took = Date.now() - begin;
		assert.ok(took > 400 && took < 5000, `cut after ${took} ms`);
		await pause(1000);
		clearInterval(timer);
		await echo(pinging, "still here");
		await close(pinging);
	},

	async "slow reader"() {
		const ws = await open("/flood?mib=64");
		ws.pause();
		console.log("paused");
		await once(lines, "line");
		let got = 0;
		ws.on("message", (data) => (got += data.length));
		ws.resume();
		assert.strictEqual((await closed(ws))[0], 1000);
		assert.strictEqual(got, 64 << 20);
	},

	async "slow server"() {
		const ws = await open("/stuck"), piece = Buffer.alloc(1 << 20, "y");
		for (let i = 0; i < 64; i++)
			ws.send(piece);
		console.log("sent");
		await once(lines, "line");
		await close(ws);
	},

	// One connection that talks until it is told to end.
	async chatter() {
		const ws = await open("/echo");
		let on = true, n = 0;
		once(lines, "line").then(() => (on = false));
		console.log("talking");
		for (; on; n++) {
			await echo(ws, "message " + n);
			await pause(2);
		}
		assert.ok(n > 10);
		await close(ws);
	},
};

(async () => {
	for (const name of process.argv.slice(3)) {
		console.error("scenario " + name);
		await scenarios[name]();
	}
	process.exit(0);
})().catch((error) => {
	console.error(error);
	process.exit(1);
});
