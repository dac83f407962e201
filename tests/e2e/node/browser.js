// A browser that is driven by playwright-core: node browser.js OPTIONS, which are JSON (playwright's for a launch). Each line of
// the input is [what, argument...] of `actions`, and is answered by one: {"result"} or {"error"}. The end of the input ends it.
"use strict";
const readline = require("readline");
const { chromium } = require("playwright-core");

const tabs = [], complaints = [];
let context, tab; // the one that is looked at: { page, protocol, answer }

// What playwright tells of an answer lacks the cipher and the like, so the protocol of the DevTools is asked.
async function open() {
	tab = { page: await context.newPage() };
	const opened = tab;
	opened.page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
	opened.page.on("pageerror", (error) => complaints.push(error.stack));
	opened.protocol = await context.newCDPSession(opened.page);
	opened.protocol.on("Network.responseReceived", ({ type, response }) => {
		if (type === "Document")
			opened.answer = response;
	});
	await opened.protocol.send("Network.enable");
	tabs.push(opened);
}

const actions = {
	tab: open,

	async look(number) {
		tab = tabs[number];
		await tab.page.bringToFront();
	},

	// The page that says why there is none must have come before the next one is asked for, or it takes its place.
	async go(url) {
		const said = tab.page.waitForEvent("framenavigated", (frame) => frame.url().startsWith("chrome-error:")).catch(() => {});
		try {
			await tab.page.goto(url);
		} catch (error) {
			await said;
			throw error;
		}
		return { ...tab.answer, text: await actions.run("document.documentElement.innerText") };
	},

	run: (script) => tab.page.evaluate(script),
	fill: (where, text) => tab.page.fill(where, text),
	click: (where) => tab.page.click(where),
	shot: (path) => tab.page.screenshot({ path }),
	complaints: () => complaints.splice(0),

	// In playwright a phone is one for good.
	async screen(width, height, dark) {
		await tab.protocol.send("Emulation.setDeviceMetricsOverride",
			{ width, height, deviceScaleFactor: 1, mobile: width < 600 });
		await tab.page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
	},
};

(async () => {
	const options = JSON.parse(process.argv[2]);
	const browser = await chromium.launch(options);
	context = await browser.newContext({ viewport: null });
	context.setDefaultTimeout(options.timeout);
	await open();
	console.log("{}");
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const [what, ...given] = JSON.parse(line);
		let told;
		try {
			told = { result: await actions[what](...given) };
		} catch (error) {
			told = { error: error.message };
		}
		console.log(JSON.stringify(told));
	}
	await browser.close();
})().catch((error) => {
	console.error(error);
	process.exit(1);
});
