// The two dialogs: for a token, and before something is done. Nothing is done without the second.

function openDialog(dialog, onSubmit) {
	const form = dialog.querySelector("form"), fault = dialog.querySelector(".fault"), go = dialog.querySelector(".buttons button:last-child");
	fault.hidden = true;
	go.disabled = false;
	form.onsubmit = async (event) => {
		event.preventDefault();
		go.disabled = true;
		fault.hidden = true;
		try {
			await onSubmit(new FormData(form));
			dialog.close();
		} catch (error) {
			fault.hidden = false;
			setText(fault, error.message);
		}
		go.disabled = false;
	};
	dialog.querySelector("button[value=cancel]").onclick = () => dialog.close();
	dialog.showModal();
}

let doneTimer = 0;
function sayDone(text) {
	clearTimeout(doneTimer);
	byId("done").hidden = false;
	setText(byId("done"), text);
	doneTimer = setTimeout(() => { byId("done").hidden = true; }, 8000);
}

// ---- the token ----

// Hidden without being a password, which browsers offer to keep.
function tokenInput() {
	const input = byId("token-dialog").querySelector("input");
	if (CSS.supports("-webkit-text-security", "disc"))
		input.classList.add("secret");
	else
		input.type = "password";
	return input;
}

function askForToken() {
	const dialog = byId("token-dialog"), input = tokenInput(), forget = dialog.querySelector("button[value=forget]");
	input.value = "";
	setText(byId("who"), feed.role === "none" ? "" : `Now you are ${feed.who}, with the role ${feed.role}.`);
	forget.hidden = token === "";
	forget.onclick = () => {
		token = "";
		forgetWho();
		dialog.close();
		lookNow();
	};
	openDialog(dialog, async () => {
		const given = input.value.trim();
		let who;
		try {
			who = await whoAmI(given);
		} catch (error) {
			throw error.status === 401 ? new Error("The gateway does not know this token.") : error;
		}
		if (!who.who.startsWith("token:"))
			throw new Error("This address takes no tokens; those of admin.api.listen do.");
		token = given;
		input.value = "";
		forgetWho();
		Object.assign(feed, who);
		lookNow();
	});
	dialog.onclose = () => { input.value = ""; };
}

// ---- before something is done ----

// `text`: paragraphs, or elements. `fields`: labels with an input. `run(form data)` throws what is wrong, or says what became of it.
function confirmFirst({ title, text, fields = [], label, run }) {
	const dialog = byId("confirm");
	setText(byId("confirm-h"), title);
	dialog.querySelector(".text").replaceChildren(...text.map((part) => typeof part === "string" ? el("p", {}, part) : part));
	dialog.querySelector(".fields").replaceChildren(...fields);
	setText(dialog.querySelector(".danger"), label);
	openDialog(dialog, async (form) => {
		sayDone(await run(form));
		askAnew();
		lookNow();
	});
}

const field = (title, name, attributes = {}) => el("label", {}, title, el("input", { name, autocomplete: "off", ...attributes }));
const choice = (title, name, options) => el("label", {}, title, el("select", { name }, ...options.map(([value, text]) => el("option", { value }, text))));
function segment(text) {
	if (text === "." || text === "..")
		throw new Error(`A browser cannot ask for "${text}", which is a way in a path; yett suspend can.`);
	return encodeURIComponent(text);
}

// What a change says of itself: 202 is stored, but not in force everywhere yet.
const outcome = (answer, done) => answer.status === 202 ? `${done} It is not in force everywhere yet: ${said(answer.text)}` : done;
